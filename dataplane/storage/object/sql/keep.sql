select bytes, blobs from keep_blob($1::text, $2::bigint, $3::bigint)
