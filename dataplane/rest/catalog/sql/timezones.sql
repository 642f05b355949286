select name from pg_catalog.pg_timezone_names
