create table notes (
    id bigint generated always as identity primary key,
    owner uuid not null default auth.uid(),
    slug text unique,
    title text not null,
    stars int not null default 0,
    public boolean not null default false,
    created_at timestamptz not null default now()
);
alter table notes enable row level security;
create policy "anyone reads public notes" on notes for select using (public);
create policy "owners do all with theirs" on notes for all to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
grant select on notes to anon;
grant select, insert, update, delete on notes to authenticated, service_role;

create function add(a int, b int) returns int language sql immutable as 'select a + b';
create function my_notes() returns setof notes language sql stable as 'select * from notes where owner = auth.uid()';
create function whoami() returns json language sql stable as
    $$ select json_build_object('uid', auth.uid(), 'role', auth.role(), 'email', auth.jwt() ->> 'email') $$;
grant execute on function add(int, int), my_notes(), whoami() to anon, authenticated, service_role;
