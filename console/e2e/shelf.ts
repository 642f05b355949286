import { expect, type Page } from "@playwright/test";
import { runSql } from "./console";

const made = (schema: string) => `
create schema "${schema}";
create type "${schema}".mood as enum ('sad', 'ok', 'happy');
create table "${schema}".authors (id bigint generated always as identity primary key, name text not null unique);
insert into "${schema}".authors (name) select 'Author ' || n from generate_series(1, 40) n;
create table "${schema}"."Odd books" (
  id bigint generated always as identity primary key,
  "Title ""x""" text not null,
  author bigint references "${schema}".authors on delete set null,
  mood "${schema}".mood default 'ok',
  price numeric(10,2),
  tags text[],
  doc jsonb,
  owner uuid default auth.uid(),
  doubled numeric generated always as (price * 2) stored
);
alter table "${schema}"."Odd books" enable row level security;
create policy "own books" on "${schema}"."Odd books" to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
grant usage on schema "${schema}" to anon, authenticated, service_role;
grant all on all tables in schema "${schema}" to anon, authenticated, service_role;
insert into "${schema}"."Odd books" ("Title ""x""", author, price, tags, doc)
select 'Book ' || n, n % 40 + 1, n * 1.5, array['a', 'b ' || n], jsonb_build_object('n', n) from generate_series(1, 250) n;
create table "${schema}".places (a int, b text);
insert into "${schema}".places values (1, 'one'), (2, 'two');
create table "${schema}".empty (id bigint generated always as identity primary key, body text);
create view "${schema}".titles as select id, "Title ""x""" as title from "${schema}"."Odd books";
select 'made';`;

/** A schema of the test's own, with tables that need quoting. */
export async function prepare(page: Page, url: string, ref: string): Promise<string> {
  const schema = `Shelf ${Date.now()}`;
  await page.goto(`${url}/projects/${ref}/sql`);
  await runSql(page, made(schema));
  await expect(page.getByRole("grid", { name: "Result" })).toContainText("made");
  return schema;
}

export const grid = (page: Page, table: string) => page.getByRole("grid", { name: `Rows of ${table}` });
export const cell = (page: Page, row: number, name: string | RegExp) => page.getByRole("row").nth(row).getByRole("gridcell", { name, exact: true });
