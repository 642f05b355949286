-- Which of some versions are nobody's: without a blob, and below a lease that has ended, so that they never will have one.
select v.version from unnest($1::text[]) v (version)
where not exists (select from blobs b where b.version = v.version)
and not exists (select from leases l where l.id = split_part(v.version, '/', 1))
