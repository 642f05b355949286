select id, created_at from outbox
where failed_at is null and isfinite(created_at) and (created_at, id) > ($1, $2)
order by created_at, id
limit $3
