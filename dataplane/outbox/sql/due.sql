-- Items of a kind whose time has come, those of the longest ago first.
select id, created_at from outbox
where kind = $4 and failed_at is null and isfinite(created_at) and created_at <= now() and (created_at, id) > ($1, $2)
order by created_at, id
limit $3
