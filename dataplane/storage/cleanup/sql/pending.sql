-- Whether the outbox holds another item of a kind.
select exists (select from outbox where kind = $1 and failed_at is null and id <> $2)
