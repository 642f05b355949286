select id from s3_multipart_uploads
where created_at < now() - make_interval(secs => $1) - interval '10 minutes' and octet_length(id) < 200
order by created_at limit $2
