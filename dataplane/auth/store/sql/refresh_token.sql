-- $1 token, $2 reuse interval in seconds; the token in use is the newest of the session that is not revoked
select r.id, coalesce(r.revoked, false),
    clock_timestamp() <= r.updated_at + make_interval(secs => $2::float8),
    coalesce(live.token, ''), coalesce(live.parent = r.token, false)
from refresh_tokens r
left join lateral (
    select l.token, l.parent from refresh_tokens l
    where l.session_id = r.session_id and not coalesce(l.revoked, false)
    order by l.id desc limit 1
) live on true
where r.token = $1
