-- $1 keys of the payload, $2 what their values contain; "" for all
select count(*) from audit_log_entries e
where $2::text = '' or exists (select from unnest($1::text[]) as k (name) where strpos(lower(e.payload ->> k.name), lower($2::text)) > 0)
