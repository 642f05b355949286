-- Leases that should have ended, and that nothing is going to end.
select l.id from leases l
where l.ends_at < now() - interval '10 minutes' and not exists (
    select from outbox o where o.kind = 'lease_ended' and o.failed_at is null and o.payload ->> 'lease' = l.id)
order by l.ends_at limit $1
