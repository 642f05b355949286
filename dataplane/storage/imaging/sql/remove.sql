delete from renditions where key = any($1)
