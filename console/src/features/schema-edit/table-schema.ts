import { z } from "zod";
import { sqlType, type TableDraft } from "@/features/schema-edit/draft";
import { expressionProblem } from "@/features/schema-edit/expression";

/** Postgres cuts longer names off, which surprises later. */
export function nameProblem(name: string): string | undefined {
  if (name.trim() === "") return "Enter a name.";
  if (name !== name.trim()) return "A name must not begin or end with a space.";
  return new TextEncoder().encode(name).length > 63 ? "A name has at most 63 bytes." : undefined;
}

type Path = (string | number)[];

/** What is wrong with a table before Postgres sees it. */
export function problemsOf(table: TableDraft, taken: (schema: string, name: string) => boolean): { path: Path; message: string }[] {
  const out: { path: Path; message: string }[] = [];
  const say = (path: Path, message: string | undefined) => message && out.push({ path, message });
  say(["name"], nameProblem(table.name) ?? (taken(table.schema, table.name) ? `${table.name} is there already: choose another name.` : undefined));
  table.columns.forEach((column, at) => {
    const twin = table.columns.findIndex((each) => each.name === column.name) < at;
    say(["columns", at, "name"], nameProblem(column.name) ?? (twin ? "Another column has this name." : undefined));
    say(["columns", at, "type"], column.type.trim() === "" ? "Choose a type." : expressionProblem(sqlType(column)));
    for (const field of ["default", "generation", "using", "fill"] as const) if (column[field].trim()) say(["columns", at, field], expressionProblem(column[field]));
  });
  table.checks.forEach((check, at) => {
    say(["checks", at, "expression"], check.expression.trim() === "" ? "Enter a condition." : expressionProblem(check.expression));
    if (check.name) say(["checks", at, "name"], nameProblem(check.name));
  });
  table.uniques.forEach((each, at) => say(["uniques", at, "columns"], each.columns.length === 0 ? "Choose columns." : undefined));
  table.foreignKeys.forEach((key, at) => {
    if (!key.self && !key.table) say(["foreignKeys", at, "table"], "Choose a table.");
    else if (key.columns.length === 0 || key.columns.some((each) => !each) || key.foreignColumns.some((each) => !each)) say(["foreignKeys", at, "columns"], "Choose a column on both sides.");
  });
  return out;
}

/** For the form. Other tables are those whose names it may not have. */
export function tableSchema(others: () => Promise<{ schema: string; name: string }[]>) {
  return z.custom<TableDraft>().superRefine(async (table, context) => {
    const known = await others();
    for (const { path, message } of problemsOf(table, (schema, name) => known.some((each) => each.schema === schema && each.name === name))) context.addIssue({ code: "custom", path, message });
  });
}
