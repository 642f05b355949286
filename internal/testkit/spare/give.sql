-- $1 name, $2 kind, $3 passwords, $4 look, $5 tables that have rows from the beginning, $6 those rows.
insert into testkit.spare (name, kind, passwords, look, seeded, seeds) values ($1, $2, $3, $4, $5, $6)
