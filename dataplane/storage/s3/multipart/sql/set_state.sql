update s3_multipart_uploads set in_progress_size = $2::bigint, upload_signature = $3::text where id = $1::text
