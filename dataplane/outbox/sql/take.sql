-- One more try of an item that is neither done nor given up. The project's owner can write to the table: a payload may be of any size, and a
-- time infinite.
update outbox set attempts = attempts + 1 where id = $1 and failed_at is null
returning kind, case when octet_length(payload::text) <= 262144 then payload end, case when isfinite(created_at) then created_at else now() end, attempts - 1
