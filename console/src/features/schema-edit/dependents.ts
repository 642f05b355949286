import type { CatalogSchema } from "@/lib/catalog";
import type { Meta } from "@/lib/meta";

/** What is lost with a table or view when what depends on it goes too. */
export interface Dependent {
  kind: string;
  schema: string;
  name: string;
  /** The table that it is at, of what is at one. */
  at: string | null;
}

const query = `with recursive target as (select $1::text::regclass::oid as oid),
lost (oid) as (
  select oid from target
  union
  select r.ev_class from lost
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = lost.oid and d.classid = 'pg_rewrite'::regclass
  join pg_rewrite r on r.oid = d.objid and r.ev_class <> lost.oid
), found (kind, relation, name, at) as (
  select case c.relkind when 'm' then 'materialized view' else 'view' end, c.oid, c.relname::text, null::text
  from lost join pg_class c using (oid) where c.oid <> (select oid from target)
  union all
  select 'partition', c.oid, c.relname, null from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = (select oid from target)
  union all
  select 'foreign key', c.oid, k.conname, c.relname from pg_constraint k join pg_class c on c.oid = k.conrelid
  where k.contype = 'f' and k.confrelid = (select oid from target) and k.conrelid <> k.confrelid and k.conparentid = 0
  union all
  select distinct 'policy', c.oid, p.polname, c.relname from lost
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = lost.oid and d.classid = 'pg_policy'::regclass
  join pg_policy p on p.oid = d.objid and p.polrelid not in (select oid from lost) join pg_class c on c.oid = p.polrelid
  union all
  select distinct 'function', null::oid, f.oid::regprocedure::text, null from lost
  join pg_class c using (oid)
  join pg_depend d on d.classid = 'pg_proc'::regclass and (d.refclassid = 'pg_class'::regclass and d.refobjid = lost.oid
    or d.refclassid = 'pg_type'::regclass and d.refobjid in (c.reltype, (select t.typarray from pg_type t where t.oid = c.reltype)))
  join pg_proc f on f.oid = d.objid
  union all
  select distinct 'column', o.oid, a.attname, o.relname from lost
  join pg_class c using (oid)
  join pg_depend d on d.refclassid = 'pg_type'::regclass and d.refobjid = c.reltype and d.classid = 'pg_class'::regclass and d.objsubid > 0
  join pg_class o on o.oid = d.objid and o.oid not in (select oid from lost) join pg_attribute a on a.attrelid = o.oid and a.attnum = d.objsubid
)
select f.kind, coalesce(n.nspname, ''), f.name, f.at from found f
left join pg_class c on c.oid = f.relation left join pg_namespace n on n.oid = c.relnamespace
order by 1, 2, 3 limit 200`;

/** The table is named as SQL names it. */
export async function dependentsOf(meta: Meta, at: string, schemas: CatalogSchema[], signal: AbortSignal): Promise<Dependent[]> {
  const [answer] = await meta.query(query, signal, { params: [at], text: true, readOnly: true });
  return (answer?.rows ?? []).map(([kind, schema, name, table]) => ({
    kind: String(kind),
    schema: schemas.find((each) => each.sql_name === schema)?.name ?? String(schema),
    name: String(name),
    at: table === null || table === undefined ? null : String(table),
  }));
}
