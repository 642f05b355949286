-- Uploads by TUS that have expired, and that nothing is going to end.
select u.id from resumable_uploads u
where u.expires_at < now() - interval '10 minutes' and not exists (
    select from outbox o where o.kind = 'resumable_expired' and o.failed_at is null and o.payload ->> 'id' = u.id)
order by u.expires_at limit $1
