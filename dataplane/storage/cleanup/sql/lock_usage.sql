select pg_advisory_xact_lock('usage_total'::regclass::oid::bigint) -- fold_usage's
