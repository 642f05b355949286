-- Registrations of one user take turns.
select 1 from users where id = $1 for no key update
