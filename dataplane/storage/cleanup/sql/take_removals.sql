-- The oldest notes of versions that lost an object. What another worker takes is left to it.
delete from removals where id in (select id from removals order by id limit $1 for update skip locked) returning version
