import { mayBeLong } from "@/features/tables/kind";
import type { Statement } from "@/features/tables/read";
import { Params } from "@/features/tables/where";
import type { CatalogColumn } from "@/lib/catalog";
import { ident, type Names } from "@/lib/pg";

/** Columns whose names tell people what a row is, best first. */
const telling = /^(display_?name|full_?name|name|title|label|username|email|slug|subject|description|body|code)$/i;

/** The column by which people know rows of a table. */
export function tellingColumn(columns: CatalogColumn[], key: string): CatalogColumn | undefined {
  const others = columns.filter((each) => each.name !== key && !each.array);
  return others.find((each) => telling.test(each.name)) ?? others.find((each) => ["text", "varchar", "citext"].includes(each.base_type)) ?? others[0];
}

/** Rows of the other table that a text is found in: in its key, or in what tells them apart. */
export function searchForeign(names: Names, schema: string, table: string, key: string, tells: string | undefined, text: string, limit: number): Statement {
  const params = new Params();
  const list = [key, ...(tells ? [tells] : [])];
  const like = text.trim() ? ` where ${list.map((each) => `${ident(each)}::text ilike ${params.add(`%${text.trim().replaceAll(/[\\%_]/g, "\\$&")}%`)}`).join(" or ")}` : "";
  return { query: `select ${ident(key)}::text${tells ? `, left(${ident(tells)}::text, 200)` : ", null"} from ${names.qualified(schema, table)}${like} order by ${ident(key)} limit ${limit}`, params: params.values };
}

/** The one row that a foreign key leads to. */
export function readForeign(names: Names, schema: string, table: string, columns: CatalogColumn[], pairs: [column: string, value: string][]): Statement {
  const params = new Params();
  const list = columns.map((each) => (mayBeLong(each) ? `left(${ident(each.name)}::text, 500)` : `${ident(each.name)}::text`)).join(", ");
  return { query: `select ${list || "1"} from ${names.qualified(schema, table)} where ${pairs.map(([name, value]) => `${ident(name)} = ${params.add(value)}`).join(" and ")} limit 1`, params: params.values };
}
