import { sqlType, withoutLost, type ColumnDraft, type ForeignKeyDraft, type TableDraft } from "@/features/schema-edit/draft";
import { needsUsing } from "@/features/schema-edit/column-types";
import { ident, literal, type Names } from "@/lib/pg";

/** The statements that make a table. */
export function createTable(draft: TableDraft, names: Names): string[] {
  const table = withoutLost(draft);
  const at = names.qualified(table.schema, table.name);
  const name = namesOf(table);
  const single = table.primary.columns.length === 1 ? table.primary.columns[0] : undefined;
  const lines = table.columns.map((column) => columnOf(column, table.primary.columns.includes(column.key)) + (column.key === single ? " primary key" : ""));
  if (table.primary.columns.length > 1) lines.push(`primary key (${list(table.primary.columns, name)})`);
  for (const each of table.uniques) lines.push(`unique (${list(each.columns, name)})`);
  for (const each of table.checks) lines.push(checkOf(each));
  for (const each of table.foreignKeys) lines.push(foreignKeyOf(each, table, names));
  const out = [lines.length > 0 ? `create table ${at} (\n  ${lines.join(",\n  ")}\n);` : `create table ${at} ();`];
  if (table.rls) out.push(`alter table ${at} enable row level security;`);
  if (table.exposed) out.push(exposeTable(at));
  if (table.comment) out.push(`comment on table ${at} is ${literal(table.comment)};`);
  for (const column of table.columns) if (column.comment) out.push(commentOf(at, column));
  return out;
}

/** What lets the API show a table; which rows, policies say. */
export const exposeTable = (at: string): string => `grant select, insert, update, delete on table ${at} to anon, authenticated;`;

/** The least that makes of one table the other, in an order that works. */
export function diffTable(before: TableDraft, after: TableDraft, names: Names): string[] {
  const old = withoutLost(before);
  const next = withoutLost(after);
  const at = names.qualified(next.schema, next.name);
  const alter = (what: string) => `alter table ${at} ${what};`;
  const name = namesOf(next);
  const out: string[] = [];
  if (old.name !== next.name) out.push(`alter table ${names.qualified(old.schema, old.name)} rename to ${ident(next.name)};`);

  const fresh = constraintsAdded(old, next);
  for (const constraint of constraintsDropped(old, next)) out.push(alter(`drop constraint ${ident(constraint)}`));

  const there = new Set(next.columns.map((each) => each.key));
  // What is computed from other columns goes before them.
  const gone = old.columns.filter((each) => !there.has(each.key)).toSorted((a, b) => Number(!a.generation) - Number(!b.generation));
  for (const column of gone) out.push(alter(`drop column ${ident(column.name)}`));

  const was = new Map(old.columns.map((each) => [each.key, each]));
  const kept = next.columns.flatMap((each) => (was.has(each.key) ? [{ from: was.get(each.key)!, to: each }] : []));
  for (const [from, to] of renames(kept.map(({ from, to }) => [from.name, to.name]))) out.push(alter(`rename column ${ident(from)} to ${ident(to)}`));
  for (const each of next.checks) if (each.was !== null && isRenamed(old, each)) out.push(alter(`rename constraint ${ident(each.was)} to ${ident(each.name)}`));

  for (const { from, to } of kept) {
    const inPrimary = next.primary.columns.includes(to.key);
    out.push(...alterColumn(from, { ...to, nullable: to.nullable && !inPrimary }, at));
  }
  const added = next.columns.filter((each) => !was.has(each.key)).toSorted((a, b) => Number(Boolean(a.generation)) - Number(Boolean(b.generation)));
  for (const column of added) out.push(alter(`add column ${columnOf(column, next.primary.columns.includes(column.key))}`));

  if (fresh.primary) out.push(alter(`add primary key (${list(next.primary.columns, name)})`));
  for (const each of fresh.uniques) out.push(alter(`add unique (${list(each.columns, name)})`));
  for (const each of fresh.checks) out.push(alter(`add ${checkOf(each)}`));
  for (const each of fresh.foreignKeys) out.push(alter(`add ${foreignKeyOf(each, next, names)}`));

  if (old.rls !== next.rls) out.push(alter(`${next.rls ? "enable" : "disable"} row level security`));
  if (old.comment !== next.comment) out.push(`comment on table ${at} is ${next.comment ? literal(next.comment) : "null"};`);
  for (const column of next.columns) if (column.comment !== (was.get(column.key)?.comment ?? "")) out.push(commentOf(at, column));
  return out;
}

/** What changes of a column that stays, but for its name. */
function alterColumn(from: ColumnDraft, to: ColumnDraft, at: string): string[] {
  const column = ident(to.name);
  const alter = (what: string) => `alter table ${at} alter column ${column} ${what};`;
  const out: string[] = [];
  const retyped = sqlType(from) !== sqlType(to) || to.using.trim() !== "";
  if (from.generation && !to.generation) out.push(alter("drop expression"));
  if (from.identity && !to.identity) out.push(alter("drop identity"));
  const held = !from.generation && from.default !== "";
  // A default is of the old type: it goes before the type does.
  const undefaulted = held && (to.default === "" || retyped || Boolean(to.identity && !from.identity));
  if (undefaulted) out.push(alter("drop default"));
  if (retyped) {
    const using = to.using.trim() || (needsUsing(sqlType(from), sqlType(to)) ? `${column}::${sqlType(to)}` : "");
    out.push(alter(`type ${sqlType(to)}${using ? ` using ${using}` : ""}`));
  }
  if (to.default !== "" && !to.generation && (undefaulted || to.default !== from.default)) out.push(alter(`set default ${to.default.trim()}`));
  if (to.generation && from.generation && to.generation !== from.generation) out.push(alter(`set expression as (${to.generation.trim()})`));
  if (from.nullable && !to.nullable) {
    if (to.fill.trim()) out.push(`update ${at} set ${column} = ${to.fill.trim()} where ${column} is null;`);
    out.push(alter("set not null"));
  }
  if (!from.nullable && to.nullable && !to.identity) out.push(alter("drop not null"));
  if (to.identity && !from.identity) {
    out.push(alter(`add ${identityOf(to)}`));
    // The numbers go on after those that are there.
    out.push(`select setval(pg_get_serial_sequence(${literal(at)}, ${literal(to.name)}), coalesce(max(${column}), 0) + 1, false) from ${at};`);
  }
  if (to.identity && from.identity && to.identity !== from.identity) out.push(alter(`set generated ${to.identity === "always" ? "always" : "by default"}`));
  return out;
}

function columnOf(column: ColumnDraft, primary: boolean): string {
  const parts = [ident(column.name), sqlType(column)];
  if (column.generation) parts.push(`generated always as (${column.generation.trim()}) stored`);
  else if (column.identity) parts.push(identityOf(column));
  else if (column.default) parts.push(`default ${column.default.trim()}`);
  if (!column.nullable && !primary && !column.identity) parts.push("not null");
  return parts.join(" ");
}

const identityOf = (column: ColumnDraft): string => `generated ${column.identity === "always" ? "always" : "by default"} as identity`;

const commentOf = (at: string, column: ColumnDraft): string => `comment on column ${at}.${ident(column.name)} is ${column.comment ? literal(column.comment) : "null"};`;

const checkOf = (check: { name: string; expression: string }): string => `${check.name ? `constraint ${ident(check.name)} ` : ""}check (${check.expression.trim()})`;

function foreignKeyOf(key: ForeignKeyDraft, table: TableDraft, names: Names): string {
  const name = namesOf(table);
  const target = key.self ? names.qualified(table.schema, table.name) : names.qualified(key.schema, key.table);
  const foreign = key.self ? list(key.foreignColumns, name) : key.foreignColumns.map(ident).join(", ");
  const parts = [`foreign key (${list(key.columns, name)}) references ${target} (${foreign})`];
  if (key.options.startsWith("match full")) parts.push("match full");
  if (key.onUpdate !== "no action") parts.push(`on update ${key.onUpdate}`);
  if (key.onDelete !== "no action") parts.push(`on delete ${key.onDelete}`);
  const rest = key.options.replace("match full", "").trim();
  if (rest) parts.push(rest);
  return parts.join(" ");
}

const namesOf = (table: TableDraft): Map<string, string> => new Map(table.columns.map((each) => [each.key, each.name]));

const list = (keys: string[], name: Map<string, string>): string => keys.map((key) => ident(name.get(key) ?? key)).join(", ");

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function isRenamed(old: TableDraft, check: { name: string; was: string | null; expression: string }): boolean {
  const before = old.checks.find((each) => each.was === check.was);
  return before?.expression === check.expression && check.name !== "" && check.name !== check.was;
}

/** Names of what is no longer, or no longer the same. What refers to keys goes before them. */
function constraintsDropped(old: TableDraft, next: TableDraft): string[] {
  const out: string[] = [];
  for (const each of old.foreignKeys) if (each.name && !next.foreignKeys.some((other) => same(each, other))) out.push(each.name);
  for (const each of old.checks) if (each.was && !next.checks.some((other) => other.was === each.was && other.expression === each.expression)) out.push(each.was);
  for (const each of old.uniques) if (each.name && !next.uniques.some((other) => same(each, other))) out.push(each.name);
  if (old.primary.name && !same(old.primary.columns, next.primary.columns)) out.push(old.primary.name);
  return out;
}

function constraintsAdded(old: TableDraft, next: TableDraft) {
  return {
    primary: next.primary.columns.length > 0 && !same(old.primary.columns, next.primary.columns),
    uniques: next.uniques.filter((each) => each.name === null || !old.uniques.some((other) => same(each, other))),
    checks: next.checks.filter((each) => each.was === null || !old.checks.some((other) => other.was === each.was && other.expression === each.expression)),
    foreignKeys: next.foreignKeys.filter((each) => each.name === null || !old.foreignKeys.some((other) => same(each, other))),
  };
}

/** An order of renames in which no name is taken twice; where names change places, by way of one that is free. */
export function renames(wanted: [from: string, to: string][]): [from: string, to: string][] {
  const taken = new Set(wanted.map(([from]) => from));
  const waiting = wanted.filter(([from, to]) => from !== to);
  const out: [string, string][] = [];
  while (waiting.length > 0) {
    const free = waiting.findIndex(([, to]) => !taken.has(to));
    if (free >= 0) {
      const [pair] = waiting.splice(free, 1);
      out.push(pair!);
      taken.delete(pair![0]);
      taken.add(pair![1]);
      continue;
    }
    const [from, to] = waiting.shift()!;
    let between = `${to}_`;
    while (taken.has(between) || waiting.some((each) => each[1] === between)) between += "_";
    out.push([from, between]);
    taken.delete(from);
    taken.add(between);
    // A name that stays with another column is never free: Postgres says so.
    if (waiting.some((each) => each[0] === to)) waiting.push([between, to]);
    else out.push([between, to]);
  }
  return out;
}
