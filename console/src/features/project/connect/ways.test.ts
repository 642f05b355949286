import { describe, expect, it } from "vitest";
import { loginOf, masked, strictUrl } from "@/features/project/connect/database";
import { groups, type Values } from "@/features/project/connect/values";
import { ways } from "@/features/project/connect/ways";

const login = loginOf("postgres://abc_owner:p%40ss_w0rd-x@db.example.com:6432/abc?sslmode=require")!;
const values: Values = { url: "https://abc.example.com", key: "fbk_pub_abc", table: 'odd "name"', login };
const text = (id: string, given = values) => ways(given).find((way) => way.id === id)!.files.map((file) => file.code).join("\n");

describe("loginOf", () => {
  it("takes a URL apart", () => {
    expect(login).toMatchObject({ host: "db.example.com", port: "6432", database: "abc", user: "abc_owner", password: "p@ss_w0rd-x", sslMode: "require" });
    expect(loginOf("")).toBeUndefined();
  });
});

describe("strictUrl", () => {
  it("keeps what is meant, and leaves out what drivers of Node take for a must", () => {
    expect(strictUrl(login)).toBe("postgresql://abc_owner:p%40ss_w0rd-x@db.example.com:6432/abc?sslmode=require");
    expect(strictUrl(loginOf("postgres://a:b@h/d?sslmode=prefer")!)).toBe("postgresql://a:b@h:5432/d");
  });
});

describe("ways", () => {
  it("have names of their own, and stand by group", () => {
    const all = ways(values);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect([...new Set(all.map(({ group }) => group))]).toEqual([...groups]);
  });
  it("hold the real values, written as each language does", () => {
    expect(text("supabase-js")).toContain('"https://abc.example.com",\n  "fbk_pub_abc",');
    expect(text("supabase-js")).toContain(String.raw`.from("odd \"name\"")`);
    expect(text("curl")).toContain("/rest/v1/odd%20%22name%22?");
    expect(text("sqlalchemy")).toContain("postgresql+psycopg://abc_owner:p%40ss_w0rd-x@");
    expect(text("django")).toContain('"PASSWORD": "p@ss_w0rd-x"');
    expect(text("prisma")).not.toContain("url      = env("); // Prisma 7 takes it from prisma.config.ts only
    expect(text("supabase-js")).toMatch(/Node 20|transport: ws/);
    expect(text("parameters")).toContain("SSL mode  require");
  });
  it("read .env where nothing else does, and install what knows the driver they name", () => {
    for (const way of ways(values).filter(({ files }) => files.some(({ code }) => code.startsWith("DATABASE_URL"))))
      expect([way.id, `${way.about} ${text(way.id)}`]).toEqual([way.id, expect.stringMatching(/--env-file=\.env|dotenv\/config/)]);
    const client = ways(values).find(({ id }) => id === "prisma")!.files.find(({ name }) => name === "db.ts")!;
    expect(client.code).toContain('import "dotenv/config"'); // or it would log in at localhost:5432
    expect(text("sqlalchemy")).toContain('"sqlalchemy>=2"');
    expect(text("django")).toContain('"django>=4.2"');
    expect(text("gorm")).toContain(".Scan(&now).Error");
  });
  it("show the password nowhere once it is masked, and only where they say so", () => {
    for (const way of ways(values)) {
      const code = way.files.map((file) => file.code).join("\n");
      const holds = code.includes(login.password) || code.includes(encodeURIComponent(login.password));
      expect([way.id, holds]).toEqual([way.id, Boolean(way.secret)]);
      expect(masked(code, login)).not.toMatch(/w0rd/);
    }
  });
  it("leave out the database where there is no login", () => {
    const all = ways({ ...values, login: undefined });
    expect(all.map(({ group }) => group)).not.toContain("Database");
    expect(all.map(({ group }) => group)).not.toContain("ORMs");
    expect(all.some(({ secret }) => secret)).toBe(false);
  });
});
