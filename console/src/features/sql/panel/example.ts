/** What an empty editor offers: a table that apps can use, safely. */
export const example = `-- A table that everyone may read and signed-in users may add to.
create table notes (
  id bigint generated always as identity primary key,
  body text not null,
  author uuid default auth.uid(),
  created_at timestamptz not null default now()
);

-- Row level security decides which rows a request sees.
alter table notes enable row level security;
create policy "everyone reads" on notes for select using (true);
create policy "authors write" on notes for insert to authenticated with check (author = auth.uid());

-- Grants decide which tables the API shows to whom.
grant select on notes to anon, authenticated;
grant insert (body) on notes to authenticated;

insert into notes (body, author) values ('The first note', null), ('The second note', null);

select * from notes;
`;
