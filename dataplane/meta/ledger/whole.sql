-- Whether the table has all columns that are written.
select count(*) = 5 from pg_catalog.pg_attribute
where attrelid = pg_catalog.to_regclass($1) and not attisdropped and attname in ('version', 'statements', 'name', 'created_by', 'created_at')
