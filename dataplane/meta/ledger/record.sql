insert into {table} (version, name, statements, created_by, created_at) values ($1, $2, $3::pg_catalog.text[], $4, pg_catalog.now())
returning pg_catalog.json_build_object('version', version, 'name', name, 'statements', statements, 'created_by', created_by, 'created_at', created_at)::text
