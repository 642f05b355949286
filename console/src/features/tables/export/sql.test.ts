import { expect, it } from "vitest";
import { insertStatements } from "@/features/tables/export/sql";

it("makes statements of lines, however they are cut", async () => {
  const lines = Array.from({ length: 150 }, (_, at) => JSON.stringify({ id: String(at), "na me": at % 2 ? null : "it's ü" })).join("\n");
  const bytes = new TextEncoder().encode(lines);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7));
      controller.close();
    },
  });
  const text = await new Response(stream.pipeThrough(insertStatements('public."T"', ["id", "na me"]))).text();
  expect(text.match(/insert into/g)).toHaveLength(2);
  expect(text).toContain(`insert into public."T" (id, "na me") values\n  ('0', 'it''s ü'),\n  ('1', null),`);
  expect(text.match(/\('\d+', /g)).toHaveLength(150);
});
