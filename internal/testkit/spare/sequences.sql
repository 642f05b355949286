-- $1 what the schemas' names begin with. Lets sequences begin anew.
select count(setval(seqrelid, seqstart, false)) from pg_sequence
join pg_class c on c.oid = seqrelid join pg_namespace n on n.oid = relnamespace
where nspname <> 'fluxbase' and pg_sequence_last_value(seqrelid) is not null
    and case when $1 = '' then nspname !~ '^pg_' and nspname <> 'information_schema' else starts_with(nspname, $1) end
