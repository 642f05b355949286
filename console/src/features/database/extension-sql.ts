import type { Meta } from "@/lib/meta";
import { ident, type Names } from "@/lib/pg";

/** What it needs is enabled with it. */
export const enable = (name: string, schema: string, names: Names): string => `create extension ${ident(name)} schema ${names.schema(schema)} cascade;`;

export const disable = (name: string, cascade: boolean): string => `drop extension ${ident(name)}${cascade ? " cascade" : ""};`;

const dependents = `with e as (select oid from pg_extension where extname = $1),
member as (select d.classid, d.objid from pg_depend d join e on d.refobjid = e.oid where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'),
using_it as (
  select d.classid, d.objid, d.objsubid from pg_depend d join member m on d.refclassid = m.classid and d.refobjid = m.objid where d.deptype in ('n', 'a')
  union
  select d.classid, d.objid, d.objsubid from pg_depend d join e on d.refobjid = e.oid where d.refclassid = 'pg_extension'::regclass and d.deptype = 'n'
)
select distinct pg_describe_object(u.classid, u.objid, u.objsubid) from using_it u
where not exists (select from member m where m.classid = u.classid and m.objid = u.objid)
order by 1 limit 200`;

/** What uses an extension, as Postgres describes it. */
export async function dependentsOf(meta: Meta, extension: string, signal: AbortSignal): Promise<string[]> {
  const [answer] = await meta.query(dependents, signal, { params: [extension], text: true, readOnly: true });
  return (answer?.rows ?? []).map(([text]) => String(text));
}
