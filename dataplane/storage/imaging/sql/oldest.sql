select key, size from renditions order by used_at, key limit 500
