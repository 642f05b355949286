import { PostgreSQL } from "@codemirror/lang-sql";
import { highlightCode, tagHighlighter, tags } from "@lezer/highlight";
import { useMemo, type ReactNode } from "react";
import { cn } from "@/lib/cn";

const look = tagHighlighter([
  { tag: [tags.keyword, tags.operatorKeyword], class: "text-(--code-keyword) font-medium" },
  { tag: [tags.string, tags.special(tags.string)], class: "text-(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], class: "text-(--code-number)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], class: "text-faint italic" },
  { tag: [tags.typeName, tags.standard(tags.name)], class: "text-(--code-type)" },
]);

/** SQL to read, in the colours of the editor. Loaded apart: the parser is the editor's. */
export default function SqlText({ sql, badLine }: { sql: string; badLine?: number }) {
  const lines = useMemo(() => {
    const out: ReactNode[][] = [[]];
    highlightCode(
      sql,
      PostgreSQL.language.parser.parse(sql),
      look,
      (text, classes) => {
        const line = out.at(-1)!;
        line.push(
          classes ? (
            <span key={line.length} className={classes}>
              {text}
            </span>
          ) : (
            text
          ),
        );
      },
      () => out.push([]),
    );
    return out;
  }, [sql]);
  return lines.map((line, number) => (
    <span key={number} className={cn("block min-h-[18px]", number + 1 === badLine && "-mx-3 border-l-2 border-danger bg-danger-soft px-[10px]")}>
      {line}
    </span>
  ));
}
