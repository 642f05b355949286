insert into outbox (id, kind, payload, created_at) values ($1, $2, $3, $4)
