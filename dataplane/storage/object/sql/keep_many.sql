select bytes, blobs from keep_blobs($1::text[], $2::bigint[], $3::bigint)
