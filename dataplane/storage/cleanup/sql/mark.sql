-- From here on nobody shares these bytes: that waits for those who are doing so. A mark that is left of a worker that died is renewed. The time of the
-- mark tells whose it is.
update blobs b set removing_at = clock_timestamp()
from (
    select version from blobs where version = any ($1)
    order by version for no key update
) f
where b.version = f.version
returning b.version, b.removing_at
