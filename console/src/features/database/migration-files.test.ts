import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { archive, fileName, fileText, timeOf } from "@/features/database/migration-files";

describe("migrations as files", () => {
  it("are named as Supabase's command line names them, whatever their name", () => {
    expect(fileName({ version: "20261123101500", name: 'Create "Ordér/items" ../x' })).toBe("20261123101500_create_orde_r_items_x.sql");
    expect(fileName({ version: "1", name: "" })).toBe("1_change.sql");
    expect(fileName({ version: "1".repeat(20), name: "x".repeat(200) }).length).toBeLessThanOrEqual(100);
  });

  it("end each statement, also one that ends in a comment", () => {
    expect(fileText({ statements: ["create table a (id int)", "select 1 -- one"] })).toBe("create table a (id int);\n\nselect 1 -- one\n;\n");
    expect(fileText({ statements: [] })).toBe("");
  });

  it("tell their time, or that of their version", () => {
    expect(timeOf({ version: "20261123101500", created_at: null })).toBe("2026-11-23T10:15:00Z");
    expect(timeOf({ version: "20261123101500", created_at: "2026-01-01T00:00:00Z" })).toBe("2026-01-01T00:00:00Z");
    expect(timeOf({ version: "001", created_at: null })).toBeUndefined();
    expect(timeOf({ version: "20269923101500", created_at: null })).toBeUndefined();
  });

  it("come as an archive that tar unpacks", () => {
    const at = mkdtempSync(join(tmpdir(), "archive-"));
    try {
      const files = [
        { path: "supabase/migrations/1_one.sql", text: "select 'ä';\n" },
        { path: `supabase/migrations/2_${"x".repeat(90)}.sql`, text: "x".repeat(1024) },
        { path: "supabase/migrations/3_empty.sql", text: "" },
      ];
      writeFileSync(join(at, "all.tar"), archive(files));
      execFileSync("tar", ["xf", "all.tar"], { cwd: at });
      for (const { path, text } of files) expect(readFileSync(join(at, path), "utf8")).toBe(text);
    } finally {
      rmSync(at, { recursive: true });
    }
  });
});
