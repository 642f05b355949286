-- Those of the relations ($1) that foreign keys point to: they have the triggers of the server's own that check (or do) what follows from
-- changes and deletions, RI_FKey_cascade_del to RI_FKey_noaction_upd.
select distinct t.tgrelid
from pg_catalog.pg_trigger t
where t.tgrelid = any ($1::pg_catalog.oid[]) and t.tgfoid between 1646 and 1655
