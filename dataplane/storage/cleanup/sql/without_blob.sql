select v.version from unnest($1::text[]) v (version) where not exists (select from blobs b where b.version = v.version)
