-- The conditions of the policies of relations ($1) on reading; null for one that is too large to be judged.
select p.polrelid, case when pg_catalog.octet_length(p.polqual::pg_catalog.text) <= 262144 then p.polqual::pg_catalog.text end
from pg_catalog.pg_policy p
where p.polrelid = any ($1::pg_catalog.oid[]) and p.polqual is not null
