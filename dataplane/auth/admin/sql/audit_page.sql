-- $1 keys of the payload, $2 what their values contain, $3 entries, $4 before the page; $2 "" for all
select coalesce(jsonb_agg(page.entry order by page.created_at desc nulls last, page.id desc), '[]') from (
    select e.created_at, e.id, jsonb_build_object('id', e.id, 'payload', e.payload, 'created_at', e.created_at, 'ip_address', e.ip_address) as entry
    from audit_log_entries e
    where $2::text = '' or exists (select from unnest($1::text[]) as k (name) where strpos(lower(e.payload ->> k.name), lower($2::text)) > 0)
    order by e.created_at desc nulls last, e.id desc limit $3 offset $4
) page
