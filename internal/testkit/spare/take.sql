-- $1 kind. The one that was given back last, of those that no other test takes at this moment.
delete from testkit.spare where name = (
    select name from testkit.spare where kind = $1 order by given_at desc limit 1 for update skip locked)
returning name, passwords, look, whole_look, newest, seeded, seeds
