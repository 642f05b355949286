insert into leases (id, worker, ends_at) values ($1, $2, $3)
