import { tokenize } from "@/features/sql/text/tokens";

const ofSchema = new Set(["create", "alter", "drop", "comment", "do", "grant", "revoke", "into", "call", "import", "reassign", "rollback"]);
const ofRows = new Set(["insert", "update", "delete", "merge", "truncate", "copy", "refresh"]);

/** What SQL may have changed, by its words: the tags of results do not tell of "create table … as", nor of "with x as (delete …)". */
export function effects(sql: string): { schema: boolean; rows: boolean } {
  const words = tokenize(sql).flatMap((each) => (each.kind === "word" ? [each.text.toLowerCase()] : []));
  const schema = words.some((each) => ofSchema.has(each));
  return { schema, rows: schema || words.some((each) => ofRows.has(each)) };
}
