-- Fails, by a division by zero, unless a bucket's rules are what they were and the project has no triggers of its own on objects. The transaction
-- is undone then. $2 is the limit of sizes, $3 are the types as rules.sql gives them.
select 1 / count(*) from bucket_rules($1::text) r
where r.type = 'STANDARD' and coalesce(r.file_size_limit, 0) = $2::bigint and coalesce(r.allowed_mime_types, '{}')::text = $3::text
    and not exists (select from pg_catalog.pg_trigger t where t.tgrelid = 'objects'::regclass and not t.tgisinternal
        and t.tgname <> all ('{update_objects_updated_at,objects_gone,objects_replaced,objects_told_created,objects_told_changed,objects_told_removed}'))
