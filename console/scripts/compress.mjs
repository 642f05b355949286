// Leaves a .gz and a .br beside each text asset of dist, for the server to choose from, and takes out what is not to be served.
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = new URL("../dist", import.meta.url).pathname;
// What scripts/bundle.mjs reads.
renameSync(join(root, ".vite/manifest.json"), new URL("../node_modules/.manifest.json", import.meta.url).pathname);
rmSync(join(root, ".vite"), { recursive: true });

const total = { raw: 0, gz: 0, br: 0 };

for (const entry of readdirSync(root, { recursive: true })) {
  const file = join(root, entry);
  if (!/\.(js|css|svg)$/.test(file) || statSync(file).size < 1024) continue;
  const raw = readFileSync(file);
  const gz = gzipSync(raw, { level: 9 });
  const br = brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } });
  writeFileSync(`${file}.gz`, gz);
  writeFileSync(`${file}.br`, br);
  total.raw += raw.length;
  total.gz += gz.length;
  total.br += br.length;
}
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
process.stdout.write(`compressed ${kilobytes(total.raw)} to ${kilobytes(total.gz)} (gzip), ${kilobytes(total.br)} (brotli)\n`);
