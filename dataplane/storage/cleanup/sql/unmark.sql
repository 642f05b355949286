-- Bytes that other objects have stay, unless somebody marked them after us.
update blobs b set removing_at = null
from (select unnest($1::text[]) as version, unnest($2::timestamptz[]) as removing_at) ours
where b.version = ours.version and b.removing_at = ours.removing_at
