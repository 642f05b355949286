import type { Policy } from "@/lib/catalog";
import { ident, literal } from "@/lib/pg";

export type Command = Policy["command"];

/** A policy as a form holds it. */
export interface PolicyDraft {
  name: string;
  command: Command;
  permissive: boolean;
  roles: string[];
  using: string;
  check: string;
}

/** The roles that requests of an app run as. */
export const requestRoles = ["anon", "authenticated", "service_role"];

export const emptyPolicy: PolicyDraft = { name: "", command: "select", permissive: true, roles: ["public"], using: "", check: "" };

export const policyDraft = (policy: Policy): PolicyDraft => ({
  name: policy.name,
  command: policy.command,
  permissive: policy.permissive,
  roles: policy.roles.length > 0 ? policy.roles : ["public"],
  using: unwrapped(policy.using),
  check: unwrapped(policy.check),
});

/** An expression as people write it: Postgres adds brackets around it, and names to what is selected in it. */
export function unwrapped(expression: string | null): string {
  const text = (expression?.trim() ?? "").replace(/\(\(\s*SELECT (auth\.\w+\(\)) AS \w+\)\)|\(\s*SELECT (auth\.\w+\(\)) AS \w+\)/g, (_, twice: string | undefined, once: string) => `(select ${twice ?? once})`);
  const inner = /^\(([^()'"]*)\)$/.exec(text)?.[1];
  return inner ?? text;
}

/** Which rows are seen, of commands that look at rows that are there. */
export const hasUsing = (command: Command): boolean => command !== "insert";
/** Which rows may come to be, of commands that write. */
export const hasCheck = (command: Command): boolean => command !== "select" && command !== "delete";

export function createPolicy(at: string, policy: PolicyDraft): string {
  const parts = [`create policy ${ident(policy.name)} on ${at}`];
  if (!policy.permissive) parts.push("as restrictive");
  parts.push(`for ${policy.command}`, `to ${policy.roles.map(roleName).join(", ")}`);
  const using = hasUsing(policy.command) ? policy.using.trim() : "";
  const check = hasCheck(policy.command) ? policy.check.trim() : "";
  return `${parts.join(" ")}${using ? `\n  using (${using})` : ""}${check ? `\n  with check (${check})` : ""};`;
}

/** "public" is a word here, and no role's name. */
const roleName = (role: string): string => (role === "public" ? "public" : ident(role));

export const dropPolicy = (at: string, name: string): string => `drop policy ${ident(name)} on ${at};`;

const gone = (before: string, after: string) => before.trim() !== "" && after.trim() === "";

/** The least that makes of one policy the other. What ALTER POLICY cannot change is made anew. */
export function diffPolicy(at: string, old: PolicyDraft, next: PolicyDraft): string[] {
  if (old.command !== next.command || old.permissive !== next.permissive || gone(old.using, next.using) || gone(old.check, next.check)) {
    return [dropPolicy(at, old.name), createPolicy(at, next)];
  }
  const out: string[] = [];
  if (old.name !== next.name) out.push(`alter policy ${ident(old.name)} on ${at} rename to ${ident(next.name)};`);
  const parts: string[] = [];
  if (old.roles.join() !== next.roles.join()) parts.push(`to ${next.roles.map(roleName).join(", ")}`);
  if (old.using.trim() !== next.using.trim()) parts.push(`using (${next.using.trim()})`);
  if (old.check.trim() !== next.check.trim()) parts.push(`with check (${next.check.trim()})`);
  if (parts.length > 0) out.push(`alter policy ${ident(next.name)} on ${at} ${parts.join(" ")};`);
  return out;
}

export type RlsState = "off" | "on" | "forced";

/** Row level security: off, on, or for the table's owner too. */
export function switchRls(at: string, from: RlsState, to: RlsState): string[] {
  const alter = (what: string) => `alter table ${at} ${what} row level security;`;
  const out: string[] = [];
  if (from === "forced" && to !== "forced") out.push(alter("no force"));
  if (from === "off" && to !== "off") out.push(alter("enable"));
  if (from !== "off" && to === "off") out.push(alter("disable"));
  if (to === "forced" && from !== "forced") out.push(alter("force"));
  return out;
}

export interface Warning {
  text: string;
  /** The policy without the fault, where it can be told. */
  mended?: PolicyDraft;
}

const open = (text: string) => /^\(*\s*true\s*\)*$/i.test(text.trim());
const wrap = (text: string) => text.replace(/(?<!select )\bauth\.(uid|jwt|role|email)\(\)/gi, "(select $&)");

/** What may not be meant. */
export function warningsOf(policy: PolicyDraft): Warning[] {
  const out: Warning[] = [];
  const outsiders = policy.roles.filter((role) => role !== "service_role");
  if (policy.permissive && policy.command !== "select" && outsiders.length > 0) {
    const who = outsiders.includes("public") || outsiders.includes("anon") ? "Anyone with the publishable key" : "Every signed-in user";
    const rows = hasUsing(policy.command) && open(policy.using);
    const written = hasCheck(policy.command) && open(policy.check);
    const unchecked = hasCheck(policy.command) && rows && policy.check.trim() === "";
    const does = { all: "read, change and delete every row", insert: "add any row", update: "change every row", delete: "delete every row", select: "" }[policy.command];
    if (rows || (written && policy.command === "insert")) out.push({ text: `${who} may ${does}: this condition is always true.` });
    else if (written || unchecked) out.push({ text: `${who} may write any values: the condition for new rows is always true.` });
  }
  const slow = /(?<!select )\bauth\.(uid|jwt|role|email)\(\)/i;
  if (slow.test(policy.using) || slow.test(policy.check)) {
    out.push({ text: "auth.uid() and its like are asked for each row anew. In (select auth.uid()) they are asked once for a statement.", mended: { ...policy, using: wrap(policy.using), check: wrap(policy.check) } });
  }
  return out;
}

/** Values of a template, by its fields' names. */
export type Choices = Record<string, string>;

export interface TemplateField {
  name: string;
  label: string;
  kind: "column" | "uuid_column" | "boolean_column" | "member_table" | "member_column" | "member_user_column" | "text";
  initial?: string;
}

export interface Template {
  id: string;
  title: string;
  about: string;
  fields: TemplateField[];
  /** Undefined until what it needs is chosen. */
  make: (chosen: Choices) => PolicyDraft | undefined;
}

const uid = "(select auth.uid())";
const policy = (given: Partial<PolicyDraft>): PolicyDraft => ({ ...emptyPolicy, roles: ["authenticated"], ...given });
const owner: TemplateField = { name: "column", label: "Column with the user's id", kind: "uuid_column" };

/** Claims are paths: app_metadata.role. */
function claim(path: string): string {
  const steps = path.split(".").filter(Boolean);
  return steps.reduce((at, step, number) => `${at} ${number === steps.length - 1 ? "->>" : "->"} ${literal(step)}`, "(select auth.jwt())");
}

function ownRows(command: Command, name: string) {
  return ({ column }: Choices) => {
    if (!column) return undefined;
    const own = `${uid} = ${ident(column)}`;
    return policy({ name, command, using: hasUsing(command) ? own : "", check: hasCheck(command) ? own : "" });
  };
}

export const templates: Template[] = [
  {
    id: "everyone_reads",
    title: "Everyone reads",
    about: "Who has the publishable key sees every row, signed in or not.",
    fields: [],
    make: () => policy({ name: "Everyone reads", roles: ["anon", "authenticated"], using: "true" }),
  },
  { id: "users_read", title: "Signed-in users read", about: "Every user of the app sees every row.", fields: [], make: () => policy({ name: "Signed-in users read", using: "true" }) },
  {
    id: "published",
    title: "Everyone reads what is published",
    about: "Rows are seen where a boolean column says so.",
    fields: [{ name: "column", label: "Column that says so", kind: "boolean_column" }],
    make: ({ column }) => (column ? policy({ name: "Everyone reads what is published", roles: ["anon", "authenticated"], using: ident(column) }) : undefined),
  },
  { id: "own_all", title: "Users manage their own rows", about: "A user sees, adds, changes and deletes rows that carry their id.", fields: [owner], make: ownRows("all", "Users manage their own rows") },
  { id: "own_read", title: "Users read their own rows", about: "A user sees rows that carry their id.", fields: [owner], make: ownRows("select", "Users read their own rows") },
  { id: "own_insert", title: "Users add rows of their own", about: "A user adds rows that carry their id, and no other.", fields: [owner], make: ownRows("insert", "Users add rows of their own") },
  {
    id: "team",
    title: "Members of the row's team",
    about: "Another table says who is in which team.",
    fields: [
      { name: "column", label: "Column with the team's id", kind: "column" },
      { name: "table", label: "Table of members", kind: "member_table" },
      { name: "member", label: "Its column with the user's id", kind: "member_user_column" },
      { name: "team", label: "Its column with the team's id", kind: "member_column" },
    ],
    make: ({ column, table, member, team }) => {
      if (!column || !table || !member || !team) return undefined;
      const members = `${ident(column)} in (select ${ident(team)} from ${table} where ${ident(member)} = ${uid})`;
      return policy({ name: "Members of the team", command: "all", using: members, check: members });
    },
  },
  {
    id: "claim",
    title: "By a claim of the token",
    about: "The user's token says so, as app_metadata does: users cannot change it.",
    fields: [
      { name: "claim", label: "Claim", kind: "text", initial: "app_metadata.role" },
      { name: "value", label: "Value", kind: "text", initial: "editor" },
    ],
    make: ({ claim: path, value }) => {
      if (!path?.replaceAll(".", "") || value === undefined) return undefined;
      const said = `(${claim(path)}) = ${literal(value)}`;
      return policy({ name: `Where ${path} is ${value}`, command: "all", using: said, check: said });
    },
  },
  {
    id: "mfa",
    title: "Only with a second factor",
    about: "Whatever else allows it, users must have signed in with two factors.",
    fields: [],
    make: () => {
      const strong = `(${claim("aal")}) = 'aal2'`;
      return policy({ name: "Only with a second factor", command: "all", permissive: false, using: strong, check: strong });
    },
  },
  {
    id: "service",
    title: "Only the service role",
    about: "Nobody else sees or writes a row, whatever policies come later.",
    fields: [],
    make: () => policy({ name: "Only the service role", command: "all", permissive: false, roles: ["anon", "authenticated"], using: "false", check: "false" }),
  },
];
