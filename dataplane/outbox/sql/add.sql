insert into outbox (id, kind, payload) values ($1, $2, $3)
