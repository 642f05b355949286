select key from renditions where version = any($1) limit 1000
