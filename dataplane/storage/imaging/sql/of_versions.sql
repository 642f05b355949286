select key from renditions where version = any($1) and octet_length(key) < 300 limit 1000
