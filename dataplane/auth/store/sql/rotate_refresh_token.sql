-- $1 id and $2 text of the old token, $3 the new token, $4 user agent, $5 address
with old as (
    update refresh_tokens set revoked = true, updated_at = clock_timestamp() where id = $1
    returning user_id, session_id
), used as (
    update sessions set refreshed_at = clock_timestamp() at time zone 'UTC', updated_at = clock_timestamp(),
        user_agent = $4::text, ip = $5::inet
    where id in (select session_id from old)
)
insert into refresh_tokens (instance_id, token, user_id, session_id, parent, revoked, created_at, updated_at)
select '00000000-0000-0000-0000-000000000000', $3::text, user_id, session_id, $2::text, false, clock_timestamp(), clock_timestamp()
from old
