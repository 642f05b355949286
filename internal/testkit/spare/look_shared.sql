-- $1 a database's name; $2 logins and roles; $3 whether the database is theirs alone. What all databases of the server share, as one number, and the roles'
-- oids. To be asked in a database without projects: theirs show views in the place of these tables.
with roles as (
    select oid, xmin as version from pg_authid where rolname = any($2)
), own as (
    select oid, xmin as version from pg_database where datname = $1 and $3
), facts (line) as (
    select format('role %s %s', oid, version) from roles
    union all select format('member %s %s %s', roleid, member, xmin) from pg_auth_members
        where roleid in (select oid from roles) or member in (select oid from roles)
    union all select format('setting %s %s %s', setdatabase, setrole, xmin) from pg_db_role_setting
        where setrole in (select oid from roles) or setdatabase in (select oid from own)
    union all select format('database %s %s', oid, version) from own
)
select coalesce(bit_xor(hashtextextended(line, 0)), 0), (select coalesce(array_agg(oid), '{}') from roles) from facts
