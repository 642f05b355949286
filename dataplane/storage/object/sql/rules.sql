-- What an upload to a bucket must keep to, what the project stores already, and whether the project has triggers of its own on objects.
select r.public is not null, coalesce(r.public, false), coalesce(r.file_size_limit, 0), coalesce(r.allowed_mime_types, '{}'), coalesce(r.allowed_mime_types, '{}')::text, coalesce(r.type, ''), u.bytes, u.blobs,
    exists (select from pg_catalog.pg_trigger t where t.tgrelid = 'objects'::regclass and not t.tgisinternal
        and t.tgname <> all ('{update_objects_updated_at,objects_gone,objects_replaced,objects_told_created,objects_told_changed,objects_told_removed}'))
from used() u left join bucket_rules($1::text) r on true
