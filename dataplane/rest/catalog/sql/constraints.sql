-- The keys and foreign keys of relations ($1); of those that a partition inherits, the keys only.
select k.conrelid, k.conname, k.contype, k.confrelid, k.conkey, k.confkey
from pg_catalog.pg_constraint k
where k.conrelid = any ($1::pg_catalog.oid[]) and (k.contype in ('p', 'u') or k.contype = 'f' and k.conparentid = 0)
order by k.conrelid, k.conname
