select coalesce(avif_autodetection, false) from buckets where id = $1
