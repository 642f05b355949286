// Tells what of the console, as "npm run build" left it, a browser loads and when, and fails when the first load is over its budget.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const budget = 250_000; // bytes of script, gzipped, that the first load may have
const root = new URL("../dist", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(new URL("../node_modules/.manifest.json", import.meta.url), "utf8"));

const sizes = new Map();
function size(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(join(root, file)), { level: 9 }).length);
  return sizes.get(file);
}

/** The files that a chunk cannot run without. */
function needs(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const each of manifest[key].imports ?? []) needs(each, found);
  return found;
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const first = needs(entry);
const total = (keys) => [...keys].reduce((sum, key) => sum + size(manifest[key].file), 0);
const kilobytes = (bytes) => (bytes / 1000).toFixed(1).padStart(8);

/** What a lazy part asks for beyond the first load. */
const parts = Object.keys(manifest)
  .filter((key) => manifest[key].isDynamicEntry && manifest[key].file.endsWith(".js"))
  .map((key) => ({ name: manifest[key].src ?? key, bytes: total([...needs(key)].filter((each) => !first.has(each))) }))
  .toSorted((a, b) => b.bytes - a.bytes);

const lines = [`${"kB gzip".padStart(8)}  what`, `${kilobytes(total(first))}  first load: script of every page (budget ${budget / 1000} kB)`];
for (const key of [...first].toSorted((a, b) => size(manifest[b].file) - size(manifest[a].file))) lines.push(`${kilobytes(size(manifest[key].file))}    ${manifest[key].name ?? key}`);
const styles = manifest[entry].css ?? [];
lines.push(`${kilobytes(styles.reduce((sum, file) => sum + size(file), 0))}  style`, "          on demand, beyond the first load:");
for (const { name, bytes } of parts) lines.push(`${kilobytes(bytes)}    ${name.replace(/^src\//, "")}`);
process.stdout.write(`${lines.join("\n")}\n`);

if (total(first) > budget) {
  process.stderr.write(`The first load is ${kilobytes(total(first)).trim()} kB, over its budget of ${budget / 1000} kB: load what only some pages need with them.\n`);
  process.exit(1);
}
