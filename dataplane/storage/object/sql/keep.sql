select keep_blob($1::text, $2::bigint)
