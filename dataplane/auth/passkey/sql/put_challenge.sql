-- $1 id, $2 user or null, $3 type, $4 state, $5 seconds that it may be answered. Old ones go as new ones come.
with old as (
    delete from webauthn_challenges
    where id in (select id from webauthn_challenges where expires_at < now() - interval '1 hour' limit 20 for update skip locked)
)
insert into webauthn_challenges (id, user_id, challenge_type, session_data, created_at, expires_at)
values ($1, $2, $3, $4, now(), now() + make_interval(secs => $5::float8))
returning expires_at
