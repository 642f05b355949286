-- $1 tables. All their rows.
select coalesce(md5(string_agg(query_to_xml(format('select * from only %s', name), true, false, '')::text, '' order by name)), '') from unnest($1::text[]) name
