-- What the current role may do with relations ($1) and functions ($2): one row each, with bits as in Right. Partitions are no part
-- of an API.
select c.oid::bigint,
	(case when pg_catalog.pg_has_role(c.relowner, 'usage')
			or pg_catalog.has_table_privilege(c.oid, 'select, insert, update, delete, truncate, references, trigger')
			or pg_catalog.has_any_column_privilege(c.oid, 'select, insert, update, references') then 1 else 0 end
	| case when pg_catalog.has_any_column_privilege(c.oid, 'select') then 2 else 0 end
	| case when pg_catalog.has_any_column_privilege(c.oid, 'insert') then 4 else 0 end
	| case when pg_catalog.has_any_column_privilege(c.oid, 'update') then 8 else 0 end
	| case when pg_catalog.has_table_privilege(c.oid, 'delete') then 16 else 0 end)::bigint
from pg_catalog.pg_class c
where c.oid = any ($1::bigint[]::oid[]) and not c.relispartition
union all
select p.oid::bigint, case when pg_catalog.has_function_privilege(p.oid, 'execute') then 1 else 0 end::bigint
from pg_catalog.pg_proc p
where p.oid = any ($2::bigint[]::oid[])
