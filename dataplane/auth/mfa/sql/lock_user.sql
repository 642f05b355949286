-- What changes a user's factors takes turns.
select 1 from users where id = $1 for no key update
