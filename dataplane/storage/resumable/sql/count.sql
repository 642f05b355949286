select count(*), count(*) filter (where role = $1 and owner_id is not distinct from nullif($2, '')),
    coalesce(sum(coalesce(size, (state ->> 'offset')::bigint)) filter (where state ->> 'kind' is distinct from 'final'), 0)::bigint, (select bytes from used())
from resumable_uploads where state ->> 'done' is null
