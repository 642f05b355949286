-- Bytes that a worker was about to remove when it died.
select version from blobs where removing_at < now() - make_interval(secs => $1) order by removing_at limit $2
