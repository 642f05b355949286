import { example } from "@/features/sql/panel/example";

/** SQL to begin with. What it only reads may run as it is; what it makes is to be changed first. */
export interface Template {
  name: string;
  about: string;
  group: "Make" | "Look at";
  sql: string;
}

export const templates: Template[] = [
  { name: "Table with row level security", about: "A table that everyone may read and signed-in users may add to.", group: "Make", sql: example },
  {
    name: "Rows of their owner",
    about: "Each user sees and changes their own rows only.",
    group: "Make",
    sql: `create table tasks (
  id bigint generated always as identity primary key,
  owner uuid not null default auth.uid(),
  title text not null check (title <> ''),
  done boolean not null default false,
  created_at timestamptz not null default now()
);
create index on tasks (owner); -- policies ask for it with every request

alter table tasks enable row level security;
-- "(select auth.uid())" is asked once for a statement, "auth.uid()" once for each row.
create policy "owners do everything" on tasks for all to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
grant select, insert, update, delete on tasks to authenticated;
`,
  },
  {
    name: "Rows of a team",
    about: "Members of a team share rows; a function looks the membership up.",
    group: "Make",
    sql: `create table teams (id bigint generated always as identity primary key, name text not null);
create table team_members (
  team_id bigint not null references teams on delete cascade,
  user_id uuid not null,
  primary key (team_id, user_id)
);
create index on team_members (user_id);
create table documents (
  id bigint generated always as identity primary key,
  team_id bigint not null references teams on delete cascade,
  body text not null
);
create index on documents (team_id);

-- With the rights of its owner, as policies of team_members would ask themselves otherwise.
create function my_teams() returns setof bigint language sql stable security definer set search_path from current
begin atomic
  select team_id from team_members where user_id = auth.uid();
end;

alter table teams enable row level security;
alter table team_members enable row level security;
alter table documents enable row level security;
create policy "members read their teams" on teams for select to authenticated using (id in (select my_teams()));
create policy "members read who is in them" on team_members for select to authenticated using (team_id in (select my_teams()));
create policy "members share documents" on documents for all to authenticated
  using (team_id in (select my_teams())) with check (team_id in (select my_teams()));
grant select on teams, team_members to authenticated;
grant select, insert, update, delete on documents to authenticated;
`,
  },
  {
    name: "Time of the last change",
    about: "A trigger that keeps updated_at.",
    group: "Make",
    sql: `alter table notes add column updated_at timestamptz not null default now();

create function set_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end $$;

create trigger notes_updated_at before update on notes
  for each row execute function set_updated_at();
`,
  },
  {
    name: "History of changes",
    about: "A trigger that writes down who changed which row, and how.",
    group: "Make",
    sql: `create table changes (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  by_user uuid,
  table_name text not null,
  action text not null,
  before jsonb,
  after jsonb
);
alter table changes enable row level security; -- without a policy: for the owner and the service only

create function write_change() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into changes (by_user, table_name, action, before, after)
  values (auth.uid(), tg_table_name, lower(tg_op),
    case when tg_op <> 'INSERT' then to_jsonb(old) end,
    case when tg_op <> 'DELETE' then to_jsonb(new) end);
  return null;
end $$;

create trigger notes_changes after insert or update or delete on notes
  for each row execute function write_change();
`,
  },
  {
    name: "Function for apps",
    about: "Called as supabase.rpc('search_notes', { query }).",
    group: "Make",
    sql: `-- As who calls it: row level security applies.
create function search_notes(query text) returns setof notes language sql stable
begin atomic
  select * from notes where body ilike '%' || query || '%' order by created_at desc limit 50;
end;

grant execute on function search_notes to anon, authenticated;
`,
  },
  {
    name: "Full text search",
    about: "A column that is kept by Postgres, and an index over it.",
    group: "Make",
    sql: `alter table notes add column search tsvector
  generated always as (to_tsvector('english', body)) stored;
create index notes_search on notes using gin (search);

select id, body, ts_rank(search, query) as rank
from notes, websearch_to_tsquery('english', 'first -second') query
where search @@ query
order by rank desc
limit 20;
`,
  },
  {
    name: "Enum and its values",
    about: "A type with a few values, and one more of them.",
    group: "Make",
    sql: `create type status as enum ('draft', 'published');
alter table notes add column status status not null default 'draft';

alter type status add value if not exists 'archived' after 'published';
`,
  },
  {
    name: "View for apps",
    about: "A view that reads as who asks, so that policies hold.",
    group: "Make",
    sql: `create view recent_notes with (security_invoker) as
  select id, body, created_at from notes where created_at > now() - interval '7 days';

grant select on recent_notes to anon, authenticated;
`,
  },
  {
    name: "Sizes of tables",
    about: "What tables, their indexes and long values take.",
    group: "Look at",
    sql: `select c.oid::regclass as "table",
  pg_size_pretty(pg_total_relation_size(c.oid)) as total,
  pg_size_pretty(pg_relation_size(c.oid)) as rows,
  pg_size_pretty(pg_indexes_size(c.oid)) as indexes,
  greatest(c.reltuples, 0)::bigint as estimated_rows
from pg_class c
where c.relkind in ('r', 'm', 'p') and pg_has_role(c.relowner, 'usage')
order by pg_total_relation_size(c.oid) desc
limit 50;
`,
  },
  {
    name: "Use of indexes",
    about: "Which indexes are never used, and which tables are read without one.",
    group: "Look at",
    sql: `select s.relid::regclass as "table", s.indexrelid::regclass as index, s.idx_scan as scans,
  pg_size_pretty(pg_relation_size(s.indexrelid)) as size, i.indisunique as "unique"
from pg_stat_user_indexes s
join pg_index i using (indexrelid)
join pg_class c on c.oid = s.relid
where pg_has_role(c.relowner, 'usage')
order by s.idx_scan, pg_relation_size(s.indexrelid) desc;

select s.relid::regclass as "table", s.seq_scan as read_whole, s.seq_tup_read as rows_read, s.idx_scan as by_index, s.n_live_tup as rows
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
where pg_has_role(c.relowner, 'usage') and s.n_live_tup > 1000
order by s.seq_tup_read desc
limit 20;
`,
  },
  {
    name: "What runs now",
    about: "Statements of this project that run, the longest first.",
    group: "Look at",
    sql: `select pid, usename as login, state, now() - query_start as running_for, wait_event_type, wait_event, left(query, 200) as query
from pg_stat_activity
where datname = current_database() and query <> '' and pid <> pg_backend_pid() and state <> 'idle'
order by query_start;

-- select pg_cancel_backend(123); cancels one of them.
`,
  },
  {
    name: "Who waits for whom",
    about: "Statements that are held up, and those that hold them.",
    group: "Look at",
    sql: `select waiting.pid, now() - waiting.query_start as waits_for, left(waiting.query, 120) as statement,
  holder.pid as held_by, holder.state as holder_is, now() - holder.xact_start as holds_for, left(holder.query, 120) as holders_last_statement
from pg_stat_activity waiting
cross join lateral unnest(pg_blocking_pids(waiting.pid)) as blocking(pid)
join pg_stat_activity holder on holder.pid = blocking.pid
where waiting.datname = current_database();
`,
  },
  {
    name: "Policies and row level security",
    about: "Which tables are held by policies, and by which.",
    group: "Look at",
    sql: `select c.oid::regclass as "table", c.relrowsecurity as row_level_security, p.polname as policy,
  case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' when '*' then 'all' end as command,
  pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as "check"
from pg_class c
left join pg_policy p on p.polrelid = c.oid
where c.relkind in ('r', 'p') and pg_has_role(c.relowner, 'usage')
order by 1, 3;
`,
  },
  {
    name: "Dead rows and vacuum",
    about: "What updates and deletes left behind, and when it was cleaned up.",
    group: "Look at",
    sql: `select s.relid::regclass as "table", s.n_live_tup as rows, s.n_dead_tup as dead_rows,
  round(100.0 * s.n_dead_tup / nullif(s.n_live_tup + s.n_dead_tup, 0), 1) as dead_percent,
  greatest(s.last_vacuum, s.last_autovacuum) as vacuumed, greatest(s.last_analyze, s.last_autoanalyze) as analyzed
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
where pg_has_role(c.relowner, 'usage')
order by s.n_dead_tup desc
limit 50;
`,
  },
  {
    name: "New users by day",
    about: "Sign-ups of the last 30 days: made for a chart.",
    group: "Look at",
    sql: `select day::date, count(u.id) as users
from generate_series(current_date - 29, current_date, interval '1 day') day
left join {auth}.users u on u.created_at >= day and u.created_at < day + interval '1 day'
group by day
order by day;
`,
  },
];
