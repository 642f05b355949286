import { describe, expect, it } from "vitest";
import { CsvReader, dialectOf, hasHeader, writeCsv } from "@/features/tables/import/csv";
import { columnName, createTable, detect, keyOf, matchColumns, tableName } from "@/features/tables/import/detect";
import { JsonReader } from "@/features/tables/import/json";
import { preview, read } from "@/features/tables/import/source";

const comma = { delimiter: ",", newline: "\n" } as const;

/** Pushes a text in pieces of a size. */
function pieces<T>(reader: { push: (piece: string, last: boolean) => T[] }, text: string, size: number): T[] {
  const out: T[] = [];
  for (let at = 0; at < text.length; at += size) out.push(...reader.push(text.slice(at, at + size), at + size >= text.length));
  return out;
}

describe("values between commas", () => {
  const text = 'a,b\n1,"x,""y""\nz"\n\n2,é😀\n3,';
  it.each([1, 2, 3, 7, 1000])("are read in pieces of %i", (size) => {
    expect(pieces(new CsvReader(comma), text, size)).toEqual([["a", "b"], ["1", 'x,"y"\nz'], ["2", "é😀"], ["3", ""]]);
  });
  it("tell how they are written", () => {
    expect(dialectOf("a\tb\r\n1\t2\r\n")).toEqual({ delimiter: "\t", newline: "\r\n" });
    expect(dialectOf('a;b\n"x\r\ny";2\n')).toEqual({ delimiter: ";", newline: "\n" });
    expect(dialectOf("only\none\ncolumn")).toMatchObject({ delimiter: ",", newline: "\n" });
  });
  it("tell whether the first line names columns", () => {
    expect(hasHeader([["id", "name"], ["1", "a"]])).toBe(true);
    expect(hasHeader([["1", "a"], ["2", "b"]])).toBe(false);
    expect(hasHeader([["id", "id"], ["1", "a"]])).toBe(false);
    expect(hasHeader([["x", "y"], ["x", "z"]])).toBe(false);
  });
  it("are written so that they are read as they were", () => {
    const records = [["-1", 'x,"y"', "a\nb", ""]];
    expect(new CsvReader(comma).push(writeCsv(records), true)).toEqual(records);
  });
});

describe("JSON", () => {
  const rows = [{ id: "1", note: 'br{ack"et', doc: '{"a":[1,{}]}' }, { id: "2", note: null }];
  const text = '[{"id": 1, "note": "br{ack\\"et", "doc": {"a": [1, {}]}},\n {"id": 2, "note": null}]';
  it.each([1, 5, 1000])("arrays are read in pieces of %i", (size) => expect(pieces(new JsonReader(false), text, size)).toEqual(rows));
  it.each([1, 5, 1000])("lines are read in pieces of %i", (size) => expect(pieces(new JsonReader(true), '{"a":1}\n\n{"a":true}', size)).toEqual([{ a: "1" }, { a: "true" }]));
  it("that ends too early is no JSON", () => expect(() => pieces(new JsonReader(false), '[{"a":1},{"b"', 4)).toThrow(SyntaxError));
  it("must have objects for rows", () => expect(() => new JsonReader(true).push("[1]", true)).toThrow("object"));
});

const file = (name: string, ...parts: BlobPart[]) => new File(parts, name);
async function all(of: File) {
  const seen = await preview(of);
  const rows: (string | null)[][] = [];
  let bytes = 0;
  for await (const part of read(of, seen)) {
    rows.push(...part.rows);
    ({ bytes } = part);
  }
  return { seen, rows, bytes };
}

describe("a file", () => {
  it("is looked at and read", async () => {
    const { seen, rows, bytes } = await all(file("a.csv", "\uFEFFid;Name;Note\n1;;x\n2;ü\n"));
    expect(seen.fields).toEqual(["id", "Name", "Note"]);
    expect(rows).toEqual([["1", null, "x"], ["2", "ü", null]]);
    expect(bytes).toBe(26);
  });
  it("may name columns twice, or none", async () => {
    expect((await preview(file("a.csv", "a,a,\n1,2,3"), { header: true })).fields).toEqual(["a", "a_2", "column_3"]);
    expect((await preview(file("a.csv", "1,2\n3,4"))).fields).toEqual(["column_1", "column_2"]);
  });
  it("of more than a piece is read whole, letters across pieces included", async () => {
    const line = `${"é".repeat(50)},1\n`;
    const { rows } = await all(file("b.csv", "text,n\n", line.repeat(15_000)));
    expect(rows).toHaveLength(15_000);
    expect(rows.every(([text]) => text === "é".repeat(50))).toBe(true);
  });
  it("in an old encoding is recognised", async () => {
    const { seen, rows } = await all(file("c.csv", new Uint8Array([...new TextEncoder().encode("name,n\nJ"), 0xfc, ...new TextEncoder().encode("rgen,1\n")])));
    expect(seen.reading.encoding).toBe("windows-1252");
    expect(rows).toEqual([["Jürgen", "1"]]);
  });
  it("of JSON is recognised", async () => {
    expect((await preview(file("x.json", '[{"a":1}]'))).reading.format).toBe("json");
    expect((await preview(file("x.txt", '{"a":1}\n{"a":2}'))).reading.format).toBe("ndjson");
    expect((await all(file("x.ndjson", '{"a":1}\n{"b":"2"}\n'))).rows).toEqual([["1", null], [null, "2"]]);
  });
  it.each([["empty.csv", ""], ["x.json", "[]"], ["x.bin", "a\0b"]])("%s is refused in words", async (name, text) => {
    await expect(preview(file(name, text))).rejects.toThrow(/empty|No row|no text/);
  });
});

describe("a type", () => {
  it.each([
    [["1", "-20", null], "bigint"],
    [["1", "2.5"], "numeric"],
    [["01234", "56789"], "text"],
    [["true", "f"], "boolean"],
    [["2026-11-23"], "date"],
    [["2026-11-23 10:00:00+01", "2026-11-23T10:00Z"], "timestamptz"],
    [["2026-11-23 10:00"], "timestamp"],
    [["10:00"], "time"],
    [["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "uuid"],
    [['{"a":1}', "[]"], "jsonb"],
    [["12345678901234567890"], "numeric"],
    [[null, ""], "text"],
    [["1", "x"], "text"],
  ])("of %j is %s", (values, type) => expect(detect(values)).toBe(type));
});

describe("names", () => {
  it("become those of columns and tables", () => {
    expect(["Order ID", "createdAt", "Größe (m)", "2nd", "…", ""].map(columnName)).toEqual(["order_id", "created_at", "gro_e_m", "column_2nd", "column", "column"]);
    expect([tableName("My Orders.csv"), tableName("日本.csv.gz")]).toEqual(["my_orders", "imported"]);
  });
  it("find their columns", () => expect(matchColumns(["ID", "Created At", "x", "id"], ["id", "created_at", "other"])).toEqual([undefined, "created_at", undefined, "id"]));
  it("make a table", () => {
    expect(createTable('public."New"', [{ name: "id", type: "uuid" }, { name: "select", type: "text" }], "id")).toBe('create table public."New" (\n  id uuid primary key,\n  "select" text\n);\nalter table public."New" enable row level security;');
    expect(createTable("t", [{ name: "id", type: "text" }], undefined)).toContain("row_id bigint generated by default as identity primary key");
  });
  it("tell a key", () => {
    const columns = [{ name: "id", type: "bigint" as const }];
    expect(keyOf(columns, [["1"], ["2"]])).toBe("id");
    expect(keyOf(columns, [["1"], ["1"]])).toBeUndefined();
    expect(keyOf(columns, [["1"], [null]])).toBeUndefined();
  });
});
