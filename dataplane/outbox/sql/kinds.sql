-- The kinds of items that are neither done nor given up.
with recursive k as (
    select min(kind) as kind from outbox where failed_at is null
    union all
    select (select min(o.kind) from outbox o where o.failed_at is null and o.kind > k.kind) from k where k.kind is not null
)
select kind from k where kind is not null limit 50
