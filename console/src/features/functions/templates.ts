import { emptyFunction, type FunctionDraft } from "@/features/functions/draft";
import { isText } from "@/features/schema-edit/column-types";
import type { CatalogColumn, CatalogTable } from "@/lib/catalog";
import { ident, type Names } from "@/lib/pg";

export interface Template {
  id: string;
  name: string;
  about: string;
  draft: FunctionDraft;
}

export const triggerBody = "begin\n  new.updated_at := now();\n  return new;\nend;";

const argument = (name: string, type: string, value = "") => ({ key: name, name, type, mode: "in" as const, default: value });

/** What people write functions for, in names of this project. What tells who asks is auth.jwt() and auth.uid() also in a shared database. */
export function templates(schema: string, names: Names, tables: CatalogTable[], columns: CatalogColumn[]): Template[] {
  const empty = emptyFunction(schema);
  const found = searchable(schema, tables, columns);
  const table = names.qualified(schema, found.table);
  const trigger = { returns: "trigger" as const, type: "", language: "plpgsql", volatility: "volatile" as const, searchPath: "''" };
  return [
    { id: "query", name: "Query", about: "Answers with what a query finds.", draft: empty },
    { id: "trigger", name: "Trigger: when it was changed", about: "Sets updated_at of the row. Make a trigger before update with it.", draft: { ...empty, ...trigger, name: "set_updated_at", body: triggerBody } },
    {
      id: "profile",
      name: "Trigger: a row for each new user",
      about: "Writes into a table profiles (id, email) when someone signs up. Make a trigger after insert on auth.users with it.",
      draft: { ...empty, ...trigger, name: "handle_new_user", definer: true, searchPath: "''", body: `begin\n  insert into ${names.qualified(schema, "profiles")} (id, email) values (new.id, new.email);\n  return new;\nend;` },
    },
    {
      id: "role",
      name: "Policy helper: role in the token",
      about: "Whether the user's app_metadata names a role: for policies, using (has_role('editor')).",
      draft: { ...empty, name: "has_role", arguments: [argument("role", "text")], type: "boolean", searchPath: "''", body: "select coalesce((select auth.jwt()) -> 'app_metadata' ->> 'role' = role, false);" },
    },
    {
      id: "member",
      name: "Policy helper: member of a team",
      about: "Reads a table members (team_id, user_id) as its owner, so that the policy does not ask itself.",
      draft: { ...empty, name: "is_member", arguments: [argument("team", "uuid")], type: "boolean", language: "plpgsql", definer: true, searchPath: "''", body: `begin\n  return exists (select from ${names.qualified(schema, "members")} m where m.team_id = team and m.user_id = (select auth.uid()));\nend;` },
    },
    {
      id: "search",
      name: "Full text search",
      about: "Rows of a table in which all words are found, the best first.",
      draft: {
        ...empty,
        name: `search_${found.table}`,
        arguments: [argument("words", "text"), argument("most", "integer", "20")],
        returns: "setof",
        type: table,
        language: "plpgsql",
        searchPath: "''",
        body: `begin\n  return query select t.* from ${table} t\n  where to_tsvector('simple', coalesce(t.${ident(found.column)}, '')) @@ websearch_to_tsquery('simple', words)\n  order by ts_rank(to_tsvector('simple', coalesce(t.${ident(found.column)}, '')), websearch_to_tsquery('simple', words)) desc\n  limit most;\nend;`,
      },
    },
  ];
}

/** A table of the schema that has text, for the template of searches. */
function searchable(schema: string, tables: CatalogTable[], columns: CatalogColumn[]): { table: string; column: string } {
  const own = new Set(tables.filter((each) => each.schema === schema && each.owned && each.kind === "table").map(({ name }) => name));
  const found = columns.find((each) => each.schema === schema && own.has(each.table) && isText(each.type) && !each.array);
  return { table: found?.table ?? "notes", column: found?.name ?? "body" };
}
