insert into s3_multipart_uploads_parts (upload_id, size, part_number, bucket_id, key, etag, owner_id, version)
select id, $2::bigint, $3::int, bucket_id, key, $4::text, owner_id, version from s3_multipart_uploads where id = $1::text
