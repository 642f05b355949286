import { literal, type Names } from "@/lib/pg";

/** Counts the tables of "public" and those without row level security, and asks whether there are users and files. */
export function lookSql(names: Names): string {
  const tables = `pg_class where relnamespace = ${literal(names.schema("public"))}::regnamespace and relkind in ('r', 'p')`;
  return `select (select count(*) from ${tables}), (select count(*) from ${tables} and not relrowsecurity),
  exists (select from ${names.qualified("auth", "users")}), exists (select from ${names.qualified("storage", "objects")})`;
}
