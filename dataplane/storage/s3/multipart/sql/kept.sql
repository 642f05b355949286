select exists (select from blobs where version = $1::text)
