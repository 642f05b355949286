-- Which of some expired uploads in S3's parts nothing is going to end.
select v.id from unnest($1::text[]) v (id)
where not exists (select from outbox o where o.kind = 'multipart_expired' and o.failed_at is null and o.payload ->> 'id' = v.id)
