import type { Migration } from "@/lib/catalog";
import { migrationName } from "@/lib/migration-name";

/** Migrations as files, in the folder that Supabase's command line keeps them in. */

export const folder = "supabase/migrations";

/** 20261123101500_create_table_notes.sql */
export function fileName({ version, name }: Pick<Migration, "version" | "name">): string {
  return `${version}_${migrationName(name).slice(0, 70)}.sql`;
}

/** The statements with what parts them. One that ends in a comment gets its semicolon on a line of its own. */
export function fileText({ statements }: Pick<Migration, "statements">): string {
  return statements.map((each) => `${each}${/--[^\n]*$/.test(each) ? "\n" : ""};\n`).join("\n");
}

/** When a migration ran, or what its version says: tools name migrations by the time. */
export function timeOf({ created_at: at, version }: Pick<Migration, "created_at" | "version">): string | undefined {
  if (at) return at;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(version);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const time = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  return Number.isNaN(Date.parse(time)) ? undefined : time;
}

const block = 512;

/** An archive (ustar) of text files, which every system unpacks. */
export function archive(files: { path: string; text: string }[], seconds = Math.floor(Date.now() / 1000)): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts = files.flatMap(({ path, text }) => {
    const body = encoder.encode(text);
    const padded = new Uint8Array(Math.ceil(body.length / block) * block);
    padded.set(body);
    return [header(path, body.length, seconds), padded];
  });
  parts.push(new Uint8Array(2 * block));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");

function header(path: string, size: number, seconds: number): Uint8Array {
  const out = new Uint8Array(block);
  const write = (at: number, text: string) => out.set(new TextEncoder().encode(text), at);
  const cut = path.lastIndexOf("/");
  write(0, path.slice(cut + 1));
  write(100, "0000644\0");
  write(108, "0000000\0");
  write(116, "0000000\0");
  write(124, `${octal(size, 11)}\0`);
  write(136, `${octal(seconds, 11)}\0`);
  write(148, "        ");
  write(156, "0");
  write(257, "ustar\x0000");
  write(345, path.slice(0, Math.max(cut, 0)));
  write(148, `${octal(out.reduce((sum, byte) => sum + byte, 0), 6)}\0 `);
  return out;
}

/** Lets the browser save bytes as a file. */
export function save(name: string, content: BlobPart, type: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
