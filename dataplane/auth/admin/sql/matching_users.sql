where $1::text = '' or strpos(lower(u.email), lower($1::text)) > 0 or strpos(u.phone, $1::text) > 0 or u.id::text = lower($1::text)
    or strpos(lower(u.raw_user_meta_data ->> 'full_name'), lower($1::text)) > 0
