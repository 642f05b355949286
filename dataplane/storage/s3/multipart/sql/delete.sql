delete from s3_multipart_uploads where id = $1::text
