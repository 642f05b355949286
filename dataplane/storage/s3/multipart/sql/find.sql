select id, upload_signature, created_at, metadata, user_metadata from s3_multipart_uploads where id = $1::text
