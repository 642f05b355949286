-- Which of some versions, that no object has, nobody has noted as lost.
select b.version from blobs b
where b.version = any ($1) and b.removing_at is null and not exists (select from removals r where r.version = b.version)
