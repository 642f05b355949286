-- The parsed queries of views ($1); null for one that is too large to look into.
select w.ev_class, case when pg_catalog.octet_length(w.ev_action::pg_catalog.text) <= 1048576 then w.ev_action::pg_catalog.text end
from pg_catalog.pg_rewrite w
where w.ev_class = any ($1::pg_catalog.oid[]) and w.ev_type = '1' and w.is_instead
