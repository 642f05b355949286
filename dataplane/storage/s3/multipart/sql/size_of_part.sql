select coalesce(sum(size), 0)::bigint from s3_multipart_uploads_parts where upload_id = $1::text and part_number = $2::int
