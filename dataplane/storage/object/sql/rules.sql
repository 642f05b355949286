-- What an upload to a bucket must keep to, and what the project stores already.
select r.public is not null, coalesce(r.public, false), coalesce(r.file_size_limit, 0), coalesce(r.allowed_mime_types, '{}'), coalesce(r.type, ''), u.bytes, u.blobs
from used() u left join bucket_rules($1::text) r on true
