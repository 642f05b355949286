-- category: performance
-- level: info
-- title: An index that is not used
-- explanation: The table was read, but never by this index, since the statistics began. Each write keeps it up to date all the same, and it takes space. Unique indexes, those of constraints and of foreign keys are not told. Look at how old the statistics are before you drop it: a monthly report may need it.
select null::text as level, x.schema, x.name as object, 'index' as kind, x."table",
    format('%s of %s takes %s and was not used since %s.', x.name, x.label, pg_catalog.pg_size_pretty(x.bytes), told.since) as detail, format('drop index %s;', x.at) as fix, '' as extra
from index x join statistics s on s.oid = x.indrelid
cross join (select coalesce('the statistics were reset on ' || (select d.stats_reset::date from pg_catalog.pg_stat_database d where d.datname = current_database()),
    'the statistics began, at the latest on ' || pg_catalog.pg_postmaster_start_time()::date) as since) told
where pg_catalog.pg_stat_get_numscans(x.indexrelid) = 0 and s.scans + (select coalesce(sum(pg_catalog.pg_stat_get_numscans(o.indexrelid)), 0) from pg_catalog.pg_index o where o.indrelid = x.indrelid) > 0
    and not x.indisunique and x.indisvalid and not x.needed and not x.partition and not x.indisclustered and not x.indisreplident and x.bytes > 8192
    and not exists (select from foreign_key k where k.conrelid = x.indrelid
        and (select array_agg(n order by n) from unnest((x.indkey::int2[])[0:cardinality(k.conkey) - 1]) n) = (select array_agg(n order by n) from unnest(k.conkey) n))
