import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import type { Extension } from "@codemirror/state";
import type { Catalog } from "@/features/sql/completion";

/** SQL with the names of the catalog. What is asked before the catalog is there waits: CodeMirror asks again when the language is replaced. */
export function languageOf(catalog: Catalog | undefined): Extension {
  if (!catalog) return [sql({ dialect: PostgreSQL }), PostgreSQL.language.data.of({ autocomplete: untilAborted })];
  return [
    sql({ dialect: PostgreSQL, schema: catalog.names, defaultSchema: catalog.defaultSchema, upperCaseKeywords: false }),
    PostgreSQL.language.data.of({ autocomplete: (context: CompletionContext) => functionsAt(context, catalog.functions) }),
  ];
}

function functionsAt(context: CompletionContext, functions: Completion[]): CompletionResult | null {
  const word = context.matchBefore(/[\w.]+/);
  if (!word || word.text.startsWith(".") || functions.length === 0) return null;
  // "notes." is asked for columns; functions of a schema begin with its name.
  const dot = word.text.lastIndexOf(".");
  const options = dot < 0 ? functions : functions.filter(({ label }) => label.startsWith(word.text.slice(0, dot + 1)));
  return options.length > 0 ? { from: word.from, options, validFor: /^[\w.]*$/ } : null;
}

function untilAborted(context: CompletionContext): Promise<null> {
  return new Promise((resolve) => context.addEventListener("abort", () => resolve(null)));
}
