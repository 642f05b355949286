select count(*), coalesce(sum(in_progress_size), 0)::bigint from s3_multipart_uploads
