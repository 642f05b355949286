/** What Postgres is asked for to show a plan, and where in it the statement begins. */
export function explainSql(statement: string, analyze: boolean): { sql: string; offset: number } {
  // What the statement changes is taken back: it runs, in a transaction that ends by a rollback.
  const before = analyze ? "begin; explain (analyze, buffers, settings, format json) " : "explain (settings, format json) ";
  return { sql: `${before}${statement}${analyze ? "\n; rollback" : ""}`, offset: before.length };
}

/** Why a statement has no plan; undefined for those that have. */
export function unexplainable(first: string | undefined): string | undefined {
  if (first === undefined) return "There is no statement to explain.";
  if (["select", "insert", "update", "delete", "merge", "with", "values", "table", "("].includes(first)) return undefined;
  if (first === "explain") return "This already asks for a plan: run it, or leave explain out.";
  return `Postgres makes plans for select, insert, update, delete and merge, not for "${first}".`;
}
