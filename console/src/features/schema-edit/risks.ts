import { narrowing } from "@/features/schema-edit/column-types";
import { sqlType, withoutLost, type TableDraft } from "@/features/schema-edit/draft";
import { ident, type Names } from "@/lib/pg";

/** What a change of a table does to the values that are in it. */
export interface Risk {
  id: string;
  /** Counts what it concerns; undefined where that cannot be asked. */
  count?: string;
  /** Says it, with how many values or rows: "12 values of body are dropped." */
  words: (many: string, one: boolean) => string;
  /** Whether Postgres refuses the change while there are such values: then nothing is lost. */
  refused: boolean;
  /** Whether it does not matter when nothing was counted. */
  quiet: boolean;
}

/** Counted no further than this: a number that people read needs no more. */
const most = 1_000_000;

export const counting = (at: string, where: string): string => `select count(*) from (select 1 from ${at} where ${where} limit ${most + 1}) counted`;

export function manyOf(count: number): string {
  return count > most ? "more than a million" : new Intl.NumberFormat("en").format(count);
}

export function risksOf(before: TableDraft, after: TableDraft, names: Names): Risk[] {
  const at = names.qualified(before.schema, before.name);
  const next = withoutLost(after);
  const out: Risk[] = [];
  for (const old of before.columns) {
    const column = next.columns.find((each) => each.key === old.key);
    const name = ident(old.name);
    if (!column) {
      out.push({ id: `drop ${old.key}`, count: counting(at, `${name} is not null`), words: (many, one) => `Column ${old.name} is dropped with ${many} ${one ? "value" : "values"}.`, refused: false, quiet: false });
      continue;
    }
    const lost = sqlType(old) === sqlType(column) ? undefined : narrowing(sqlType(old), sqlType(column), name);
    if (lost && !(column.using.trim() && lost.refused)) {
      out.push({
        id: `type ${old.key}`,
        count: lost.where && counting(at, lost.where),
        words: (many, one) => `Column ${old.name}: ${many} ${one ? "value is" : "values are"} ${lost.words}.${lost.refused ? " Postgres refuses the change unless told how to convert." : ""}`,
        refused: lost.refused,
        quiet: true,
      });
    }
    const required = (!column.nullable || next.primary.columns.includes(column.key)) && old.nullable;
    if (required && !column.fill.trim()) {
      out.push({ id: `null ${old.key}`, count: counting(at, `${name} is null`), words: (many, one) => `Column ${old.name} has ${many} ${one ? "null" : "nulls"}. Postgres refuses the change unless something takes their place.`, refused: true, quiet: true });
    }
  }
  for (const column of next.columns) {
    if (before.columns.some((each) => each.key === column.key) || column.nullable || column.default || column.identity || column.generation) continue;
    out.push({ id: `new ${column.key}`, count: counting(at, "true"), words: (many, one) => `Column ${column.name} must not be null and has no default, but the table has ${many} ${one ? "row" : "rows"}. Postgres refuses the change.`, refused: true, quiet: true });
  }
  return out;
}
