-- Where the project's own migrations are recorded, by /meta/v1 and by Supabase's command line. The tables are made when there is need; in a
-- shared database owners cannot make the schema.

create schema if not exists {{schema "supabase_migrations"}} authorization {{.Owner}};
