select share_blob($1::text)
