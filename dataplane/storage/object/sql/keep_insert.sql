-- An upload that was judged by what was known of the bucket: it is kept only where that still holds, and the project still has no triggers of its own on objects.
-- Else nothing is written, and no row comes back. $9 is the size, $10 what the project may store or 0, $11 and $12 are the bucket's rules.
with kept as materialized (
    select keep_blob($6::text, $9::bigint, $10::bigint) as now from bucket_rules($1::text) r
    where r.type = 'STANDARD' and coalesce(r.file_size_limit, 0) = $11::bigint and coalesce(r.allowed_mime_types, '{}')::text = $12::text
        and not exists (select from pg_catalog.pg_trigger t where t.tgrelid = 'objects'::regclass and not t.tgisinternal
            and t.tgname <> all ('{update_objects_updated_at,objects_gone,objects_replaced,objects_told_created,objects_told_changed,objects_told_removed}'))
), made as (
    insert into objects (bucket_id, name, id, owner, owner_id, version, metadata, user_metadata)
    select $1::text, $2::text, $3::uuid, $4::uuid, $5::text, $6::text, $7::jsonb, $8::jsonb from kept
)
select (now).bytes, (now).blobs from kept
