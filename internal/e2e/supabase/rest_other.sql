create schema other;
grant usage on schema other to anon, authenticated, service_role;
create table other.things (id int generated always as identity primary key, name text);
insert into other.things (name) values ('lamp');
grant select, insert on other.things to anon;
create function other.twice(n int) returns int immutable language sql as 'select n * 2';
grant execute on function other.twice(int) to anon;
