select v from versions_in_use($1) v
