-- $1 what the schemas' names begin with. How often event triggers saw a project's schema change: they see what look.sql does not, comments for one.
select coalesce(sum(version), 0)::bigint from fluxbase.schema_change where ref = rtrim($1, '_')
