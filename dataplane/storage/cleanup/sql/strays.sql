-- Which of some versions are nobody's: without a blob, and below a lease that has ended, so that they never will have one. keep_blob heeds no lease that
-- is a week over its time, which the project's owner may have kept from being ended by its lock.
select v.version from unnest($1::text[]) v (version)
where not exists (select from blobs b where b.version = v.version)
and not exists (select from leases l where l.id = split_part(v.version, '/', 1) and l.ends_at > now() - interval '8 days')
