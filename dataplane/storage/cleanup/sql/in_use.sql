-- The function is the project's own, and is trusted with nothing but what is asked.
select distinct v from versions_in_use($1) v where v = any ($1)
