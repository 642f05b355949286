update renditions set used_at = now() where key = $1 and used_at < now() - interval '1 hour'
