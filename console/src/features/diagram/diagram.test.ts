import { describe, expect, it } from "vitest";
import { boundsOf, headHeight, lineOf, mostRows, rowAt, rowHeight, sizeOf, width } from "@/features/diagram/geometry";
import { arrange, placed } from "@/features/diagram/layout";
import { diagramOf, idOf, relatedTo, type Diagram } from "@/features/diagram/model";
import { svgOf } from "@/features/diagram/svg";
import { dbmlOf, mermaidOf } from "@/features/diagram/text";
import type { CatalogColumn, CatalogTable, Constraint } from "@/lib/catalog";

const table = (name: string, schema = "public", kind: CatalogTable["kind"] = "table") => ({ schema, name, kind, rls_enabled: true, owned: true }) as CatalogTable;
const column = (of: string, name: string, more: Partial<CatalogColumn> = {}) => ({ schema: "public", table: of, name, type: "bigint", nullable: false, primary_key: name === "id", ...more }) as CatalogColumn;
const key = (of: string, columns: string[], to: string, schema = "public") =>
  ({ schema: "public", table: of, name: `${of}_${columns[0]}_fkey`, kind: "foreign_key", columns, definition: `FOREIGN KEY (${columns.join()}) REFERENCES ${to}`, foreign_schema: schema, foreign_table: to, foreign_columns: ["id"] }) as Constraint;
const unique = (of: string, ...columns: string[]) => ({ schema: "public", table: of, name: `${of}_key`, kind: "unique", columns, foreign_table: null }) as Constraint;

const facts = {
  tables: [table("authors"), table('Book "s"'), table("covers"), table("users", "auth"), table("alone"), table("a_view", "public", "view"), table("far", "auth")],
  columns: [column("authors", "id"), column("authors", "user_id", { type: "uuid", nullable: true }), column('Book "s"', "id"), column('Book "s"', "author <id>"), column("covers", "id"), column("covers", "book_id"), column("alone", "id")],
  constraints: [key('Book "s"', ["author <id>"], "authors"), key("covers", ["book_id"], 'Book "s"'), unique("covers", "book_id"), key("authors", ["user_id"], "users", "auth"), key("authors", ["id"], "authors")],
};
const diagram = diagramOf(facts, "public");
const [authors, books] = [idOf("public", "authors"), idOf("public", 'Book "s"')];

describe("the diagram", () => {
  it("has the tables of the schema and those that they refer to, and no views", () => {
    expect(diagram.tables.map(({ title }) => title).toSorted()).toEqual(['Book "s"', "alone", "auth.users", "authors", "covers"]);
    expect(diagramOf(facts, undefined).tables.map(({ title }) => title)).toContain("auth.far");
  });

  it("shows of a table of another schema its keys only", () => {
    const users = ["id", "email", "phone"].map((name) => column("users", name, { schema: "auth" }));
    const drawn = (schema: string | undefined) => diagramOf({ ...facts, columns: [...facts.columns, ...users] }, schema).tables.find(({ title }) => title === "auth.users")!;
    expect(drawn("public")).toMatchObject({ columns: [{ name: "id" }], left: 2 });
    expect(sizeOf(drawn("public")).height).toBe(headHeight + 2 * rowHeight + 2);
    expect(drawn(undefined)).toMatchObject({ columns: [{}, {}, {}], left: 0 });
  });

  it("knows how many refer to how many", () => {
    const of = (name: string) => diagram.relations.find((each) => each.name === name)!;
    expect(of('Book "s"_author <id>_fkey')).toMatchObject({ many: true, optional: false, to: authors });
    expect(of("covers_book_id_fkey")).toMatchObject({ many: false });
    expect(of("authors_user_id_fkey")).toMatchObject({ many: true, optional: true });
    expect(diagram.tables.find(({ id }) => id === books)!.columns[1]).toMatchObject({ foreign: true, primary: false });
  });

  it("knows what is related", () => {
    expect([...relatedTo(diagram, books)].toSorted()).toEqual([books, authors, idOf("public", "covers")].toSorted());
  });
});

/** Tables that refer to the one before the one before, with so many columns. */
function large(tables: number, columns: number): Diagram {
  return {
    tables: Array.from({ length: tables }, (_, n) => ({ id: String(n), schema: "public", name: `table_${n}`, title: `table_${n}`, kind: "table", rls: true, owned: true, columns: Array.from({ length: columns }, (_, c) => ({ name: `column_${c}`, type: "text", primary: c === 0, foreign: c === 1, unique: false, nullable: c > 1 })) })),
    relations: Array.from({ length: Math.floor(tables * 0.8) }, (_, n) => ({ id: `r${n}`, name: `r${n}`, from: String(n + 1), to: String(Math.floor(n / 3)), columns: ["column_1"], foreignColumns: ["column_0"], many: true, optional: true, definition: "" })),
  };
}

describe("its layout", () => {
  it.each([[diagram], [large(300, 10)]])("lays no table over another", (drawn) => {
    const positions = arrange(drawn);
    const boxes = drawn.tables.map((each) => ({ ...positions.get(each.id)!, ...sizeOf(each) }));
    const over = boxes.filter((a, n) => boxes.some((b, m) => m > n && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height));
    expect(over).toEqual([]);
  });

  it("keeps what was put by hand, and new tables stand beneath", () => {
    const kept = { [authors]: { x: 5, y: 700 }, [books]: { x: -40, y: 30 } };
    const positions = placed(diagram, kept);
    expect(positions.get(authors)).toEqual(kept[authors]);
    const bottom = 700 + sizeOf(diagram.tables.find(({ id }) => id === authors)!).height;
    for (const each of diagram.tables) if (each.id !== authors && each.id !== books) expect(positions.get(each.id)!.y).toBeGreaterThan(bottom);
  });

  it("draws lines between the columns' rows, on the sides that look at each other", () => {
    const relation = diagram.relations[0]!;
    const [from, to] = [diagram.tables.find(({ id }) => id === books)!, diagram.tables.find(({ id }) => id === authors)!];
    const y = headHeight + 1.5 * rowHeight;
    expect(rowAt(from, "author <id>")).toBe(y);
    expect(lineOf(relation, from, to, { x: 0, y: 0 }, { x: 600, y: 0 }).path).toMatch(new RegExp(`^M${width} ${y}L.*L600 ${headHeight + 0.5 * rowHeight}$`));
    expect(lineOf(relation, from, to, { x: 600, y: 0 }, { x: 0, y: 0 }).path).toMatch(new RegExp(`^M600 ${y}L.*L${width} `));
  });

  it("cuts very long tables", () => {
    const [long] = large(1, 200).tables;
    expect(sizeOf(long!).height).toBe(headHeight + mostRows * rowHeight + 2);
    expect(rowAt(long!, "column_199")).toBe(headHeight + (mostRows - 0.5) * rowHeight);
  });
});

describe("its files", () => {
  it("is an SVG with every table and line, whatever the names", () => {
    const positions = arrange(diagram);
    const svg = svgOf(diagram, positions, "a <b> & \u0001c");
    expect(svg).toContain("<title>a &lt;b&gt; &amp; c</title>");
    expect(svg).toContain("Book &quot;s&quot;</text>");
    expect(svg).toContain(">author &lt;id&gt;</text>");
    expect(svg.match(/<g><title>/g)).toHaveLength(4);
    expect(svg).not.toMatch(/NaN|undefined|<style|style=/);
    const { width: wide } = boundsOf(diagram.tables, positions);
    expect(svg).toContain(` width="${wide + 48}"`);
    const many = large(100, 12);
    expect(svgOf(many, arrange(many), "m").match(/<g transform=/g)).toHaveLength(100);
  });

  it("is Mermaid and DBML", () => {
    const mermaid = mermaidOf(diagram);
    expect(mermaid).toContain(`Book_s_["Book 's'"] {`);
    expect(mermaid).toContain('Book_s_ }o--|| authors : "author <id>"');
    expect(mermaid).toContain('covers |o--|| Book_s_ : "book_id"');
    const dbml = dbmlOf(diagram);
    expect(dbml).toContain('Table "auth"."users" {');
    expect(dbml).toContain(`Ref: "Book 's'"."author <id>" > "authors"."id"`);
    expect(dbml).toContain('"id" bigint [pk]');
  });
});
