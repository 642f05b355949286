-- One more try of an item that is neither done nor given up.
update outbox set attempts = attempts + 1 where id = $1 and failed_at is null
returning kind, payload, created_at, attempts - 1
