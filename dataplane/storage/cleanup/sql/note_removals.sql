insert into removals (version) select unnest($1::text[])
