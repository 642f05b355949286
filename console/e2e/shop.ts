import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { askPostgres } from "./postgres";
import { databaseOf } from "./schema";

/** A small app as people build them, a shop for tea, with what a day of business leaves behind. */

const migrations: Record<string, string> = {
  "create catalogue": `
create table tea (
  id bigint generated always as identity primary key,
  name text not null unique,
  origin text not null,
  price numeric(8,2) not null check (price > 0),
  in_stock boolean not null default true,
  tags text[] not null default '{}',
  details jsonb,
  added_at timestamptz not null default now()
);
comment on table tea is 'What the shop sells';
alter table tea enable row level security;
create policy "Everyone sees the teas" on tea for select using (true);
grant select on tea to anon, authenticated;
create index tea_origin on tea (origin);`,
  "create orders": `
create type order_state as enum ('cart', 'paid', 'sent', 'returned');
create domain postcode as text check (value ~ '^[0-9]{5}$');
create type address as (street text, town text, code postcode);
create table customers (
  id uuid primary key references auth.users on delete cascade,
  name text not null,
  town text,
  since date not null default current_date
);
create table orders (
  id bigint generated always as identity primary key,
  customer_id uuid not null references customers on delete cascade,
  state order_state not null default 'cart',
  total numeric(10,2) not null default 0,
  placed_at timestamptz not null default now()
);
create table order_lines (
  order_id bigint not null references orders on delete cascade,
  tea_id bigint not null references tea,
  quantity int not null default 1 check (quantity > 0),
  primary key (order_id, tea_id)
);
create index orders_customer on orders (customer_id, placed_at desc);
alter table customers enable row level security;
alter table orders enable row level security;
alter table order_lines enable row level security;
create policy "Customers see themselves" on customers for select to authenticated using (id = (select auth.uid()));
create policy "Customers change themselves" on customers for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy "Customers see their orders" on orders for select to authenticated using (customer_id = (select auth.uid()));
create policy "Customers fill their cart" on orders for insert to authenticated with check (customer_id = auth.uid() and state = 'cart');
grant select, update on customers to authenticated;
grant select, insert on orders, order_lines to authenticated;`,
  "create reviews": `
create table reviews (
  id bigint generated always as identity primary key,
  tea_id bigint not null references tea on delete cascade,
  customer_id uuid references customers on delete set null,
  stars smallint not null check (stars between 1 and 5),
  body text,
  written_at timestamptz not null default now()
);
grant select on reviews to anon, authenticated;
create view best_rated as
  select tea.name, tea.origin, round(avg(stars), 2) as stars, count(*) as reviews
  from tea join reviews on reviews.tea_id = tea.id group by tea.id;
create materialized view revenue_by_day as
  select date_trunc('day', placed_at)::date as day, sum(total) as revenue, count(*) as orders from orders where state <> 'cart' group by 1;`,
  "add functions": `
create function search_teas(wanted text, most_expensive numeric default null) returns setof tea
  language sql stable set search_path = public, pg_temp
  as $$ select * from tea where name ilike '%' || wanted || '%' and (most_expensive is null or price <= most_expensive) order by name $$;
comment on function search_teas is 'Teas by a part of their name, up to a price';
create function order_total(wanted bigint) returns numeric
  language sql stable set search_path = public, pg_temp
  as $$ select coalesce(sum(quantity * price), 0) from order_lines join tea on tea.id = tea_id where order_id = wanted $$;
create function place_order(teas bigint[]) returns bigint language plpgsql security definer
  as $$
declare
  made bigint;
begin
  insert into orders (customer_id, state) values (auth.uid(), 'paid') returning id into made;
  insert into order_lines (order_id, tea_id) select made, unnest(teas);
  return made;
end $$;
create function keep_total() returns trigger language plpgsql set search_path = public, pg_temp
  as $$ begin update orders set total = order_total(new.order_id) where id = new.order_id; return null; end $$;
create trigger keep_total after insert or update on order_lines for each row execute function keep_total();`,
};

const customers = ["Ada Lovelace", "Grace Hopper", "Emmy Noether", "Sophie Germain", "Hypatia Theon", "Mary Somerville", "Maria Agnesi", "Katherine Johnson", "Sofya Kovalevskaya", "Émilie du Châtelet", "Dorothy Vaughan", "Caroline Herschel"];

const rows = `
insert into tea (name, origin, price, in_stock, tags, details, added_at)
  select harvest || ' ' || sort, origin, round((3.5 + (i * 37 % 190) / 10.0 + length(harvest))::numeric, 2), i % 9 <> 4,
    case i % 3 when 0 then array['loose'] when 1 then array['loose', 'organic'] else array['tin', 'gift'] end,
    jsonb_build_object('grams', 50 * (1 + i % 4), 'harvest', lower(harvest), 'steep', jsonb_build_object('celsius', 70 + i % 6 * 5, 'minutes', 2 + i % 3)),
    now() - i * interval '9 hours'
  from (select row_number() over () as i, * from unnest(
      array['Assam','Darjeeling','Nilgiri','Sencha','Gyokuro','Matcha','Genmaicha','Keemun','Pu-erh','Lapsang Souchong','Dragon Well','Silver Needle','Oolong','Ceylon','Uva','Rooibos'],
      array['India','India','India','Japan','Japan','Japan','Japan','China','China','China','China','China','Taiwan','Sri Lanka','Sri Lanka','South Africa']) as sorts (sort, origin),
    unnest(array['First Flush','Second Flush','Autumnal','Reserve','Garden']) as harvest) as every;
insert into orders (customer_id, state, placed_at)
  select c.id, (array['sent','sent','sent','paid','cart','returned'])[1 + (n * 7) % 6]::order_state, now() - n * interval '5 hours' - (n * 37 % 300) * interval '1 minute'
  from generate_series(1, 420) n join (select id, row_number() over (order by name) - 1 as at from customers) c on c.at = (n * n) % 12;
insert into order_lines (order_id, tea_id, quantity) select o.id, 1 + (o.id * 13 + k * 29) % 80, 1 + (o.id + k) % 3 from orders o, generate_series(0, 2) k on conflict do nothing;
insert into reviews (tea_id, customer_id, stars, body, written_at)
  select 1 + n * 11 % 80, c.id, 5 - (n * n) % 4, (array['Bright and floral, as it should be.','Too smoky for the morning.','My favourite since years.','Arrived quickly, well packed.', null])[1 + n % 5], now() - n * interval '7 hours'
  from generate_series(1, 260) n join (select id, row_number() over (order by name) - 1 as at from customers) c on c.at = n % 12;
refresh materialized view revenue_by_day;
analyze;
select 'made';`;

/** What the SQL editor shows. */
export const monthly = `-- Revenue by week and origin
select date_trunc('week', placed_at)::date as week, sum(quantity * price) as revenue, count(distinct orders.id) as orders
from orders
  join order_lines on order_id = orders.id
  join tea on tea.id = tea_id
where state in ('paid', 'sent')
group by week
order by week;`;

/** Makes the shop in an empty project. Answers with the id of one of its users. */
export async function openShop(page: Page, url: string, ref: string, data: string | undefined): Promise<string> {
  const database = await databaseOf(page, url, ref);
  for (const [name, sql] of Object.entries(migrations)) await database.migrate(name, sql);
  const users: string[] = [];
  for (const name of customers) users.push(await database.signUp(`${name.split(" ")[0]!.normalize("NFD").replace(/\W/g, "").toLowerCase()}@example.com`, { name }));
  const values = customers.map((name, at) => `('${users[at]}', '${name}', '${["Leeds", "Lyon", "Kyoto", "Porto"][at % 4]}', current_date - ${at * 23})`);
  await database.sql(`insert into customers (id, name, town, since) values ${values.join(", ")}; select 1`);
  await database.sql(rows);
  for (let n = 0; n < 48; n += 1) await database.rest(`tea?select=name,price&order=price&limit=${10 + n}`);
  for (const path of ["teas?select=*", "tea?colour=eq.green", "orders?select=id,customer(name)", "tea?price=gt.cheap", "rpc/order_total?wanted=abc", "customers"]) await database.rest(path);
  if (data) await pastTraffic(data, ref);
  return users[0]!;
}

/** What a project is asked over a day, which nobody waits for: written where workers' counts are kept. */
async function pastTraffic(data: string, ref: string) {
  const { postgres_password: password } = JSON.parse(await readFile(join(data, "secrets.json"), "utf8")) as { postgres_password: string };
  const { port } = JSON.parse(await readFile(join(data, "postgres", "fluxbase.json"), "utf8")) as { port: number };
  const sql = `
with p as (update project set created_at = now() - interval '40 days' where ref = '${ref}' returning id),
minutes as (
  select at, service, greatest(0, round(busy * share * (1 + 0.6 * sin(extract(epoch from at) / 3600 / 3.82) + 0.25 * sin(extract(epoch from at) / 311)) + random() * 6))::bigint as n
  from generate_series(date_trunc('minute', now()) - interval '30 hours', date_trunc('minute', now()) - interval '1 minute', interval '1 minute') at,
    (values ('rest', 42, 1.0), ('auth', 9, 1.0), ('storage', 14, 1.0)) as s (service, busy, share)
),
counted as (
  insert into usage_minute (project_id, service, minute, requests, egress_bytes, errors, client_errors, latency)
  select p.id, service, at, n, n * (1800 + random() * 900)::bigint, case when random() < 0.03 then 1 + n / 20 else 0 end, case when random() < 0.3 then n / 25 else 0 end,
    array[n / 10, n / 5, n / 3, n / 4, n / 14, n / 30, n / 60, case when random() < 0.08 then 1 else 0 end]
  from p, minutes on conflict do nothing returning 1
),
gauges as (
  insert into project_gauge (project_id, gauge, at, value)
  select p.id, 'database_bytes', at, 9600000 + (extract(epoch from at - now() + interval '30 hours') * 20)::bigint from p, generate_series(now() - interval '30 hours', now() - interval '2 minutes', interval '10 minutes') at
  union all
  select p.id, 'connections', at, 3 + round(3 + 3 * sin(extract(epoch from at) / 3600 / 3.82) + random() * 2)::bigint from p, generate_series(now() - interval '30 hours', now() - interval '2 minutes', interval '10 minutes') at
  on conflict do nothing returning 1
)
select (select count(*) from counted) + (select count(*) from gauges)`;
  expect(Number(await askPostgres(`postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/fluxbase_control`, sql))).toBeGreaterThan(1000);
}
