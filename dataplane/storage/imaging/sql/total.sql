select coalesce(sum(size), 0)::bigint from renditions
