-- What can be done with views and foreign tables ($1), INSTEAD OF triggers included: bits 4 (update), 8 (insert) and 16 (delete).
select o.oid, pg_catalog.pg_relation_is_updatable(o.oid, true)
from pg_catalog.unnest($1::pg_catalog.oid[]) o (oid)
