import { asInsert } from "@/features/tables/row-text";

/** Rows of one statement. */
const together = 100;

/** Makes statements that insert rows of lines of JSON whose values are all texts or null. */
export function insertStatements(table: string, columns: string[]): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = "";
  let rows: (string | null)[][] = [];
  const take = (line: string) => {
    if (!line.trim()) return;
    const object = JSON.parse(line) as Record<string, string | null>;
    rows.push(columns.map((name) => object[name] ?? null));
  };
  return new TransformStream({
    transform(piece, controller) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        take(line);
        if (rows.length < together) continue;
        controller.enqueue(encoder.encode(asInsert(table, columns, rows)));
        rows = [];
      }
    },
    flush(controller) {
      take(rest);
      if (rows.length > 0) controller.enqueue(encoder.encode(asInsert(table, columns, rows)));
    },
  });
}
