-- In how many seconds the first of the items becomes due whose time is still to come.
select extract(epoch from created_at - now())::float8 from outbox
where failed_at is null and isfinite(created_at) and created_at > now()
order by created_at
limit 1
