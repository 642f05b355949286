-- What an insert into relations ($1) runs: the conditions of checks and policies, defaults, and the expressions of generated columns. Null
-- for one that is too large to be judged, and for a trigger.
select k.conrelid, case when pg_catalog.octet_length(k.conbin::pg_catalog.text) <= 262144 then k.conbin::pg_catalog.text end
from pg_catalog.pg_constraint k
where k.conrelid = any ($1::pg_catalog.oid[]) and k.contype = 'c'
union all
select p.polrelid, case when pg_catalog.octet_length(p.polwithcheck::pg_catalog.text) <= 262144 then p.polwithcheck::pg_catalog.text end
from pg_catalog.pg_policy p
where p.polrelid = any ($1::pg_catalog.oid[]) and p.polwithcheck is not null
union all
select d.adrelid, case when pg_catalog.octet_length(d.adbin::pg_catalog.text) <= 262144 then d.adbin::pg_catalog.text end
from pg_catalog.pg_attrdef d
where d.adrelid = any ($1::pg_catalog.oid[])
union all
select distinct t.tgrelid, null
from pg_catalog.pg_trigger t
where t.tgrelid = any ($1::pg_catalog.oid[]) and (not t.tgisinternal or t.tgfoid >= 16384)
