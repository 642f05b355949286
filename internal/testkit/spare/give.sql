-- $1 name, $2 kind, $3 passwords, $4 and $5 looks, $6 highest id of an object, $7 tables that have rows from the beginning, $8 those rows.
insert into testkit.spare (name, kind, passwords, look, whole_look, newest, seeded, seeds) values ($1, $2, $3, $4, $5, $6, $7, $8)
