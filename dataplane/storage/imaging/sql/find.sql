select key, size, mime_type, used_at < now() - interval '1 hour' from renditions where version = $1 and recipe = $2
