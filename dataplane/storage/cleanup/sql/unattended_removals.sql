-- Notes of lost versions for which no item is left.
select count(*) from removals
where removed_at < now() - interval '10 minutes' and not exists (select from outbox where kind = 'remove' and failed_at is null)
