select key, size from renditions where octet_length(key) < 300 order by used_at, key limit 500
