import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// "npm run dev" serves the console with hot reload against a running "fluxbase dev"; another one is named by
// FLUXBASE_URL.
const backend = process.env.FLUXBASE_URL ?? "http://localhost:8000";
const proxied = ["/config.json", "/fluxbase.controlplane.v1", "^/p/"];

export default defineConfig({
  plugins: [react(), tailwind()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  // FLUXBASE_STILL=1 keeps the pages as they were when it started, whoever edits them meanwhile: for browser tests.
  server: { proxy: Object.fromEntries(proxied.map((path) => [path, backend])), ...(process.env.FLUXBASE_STILL && { hmr: false, watch: null }) },
  // Found beforehand, also what only lazy routes need: a server that stands still cannot take it up later.
  optimizeDeps: { entries: ["index.html", "src/**/*.tsx"] },
  test: { include: ["{src,e2e}/**/*.test.ts"] },
  build: {
    target: "es2022",
    sourcemap: false,
    manifest: true, // for scripts/bundle.mjs
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules\/(react|react-dom|scheduler)\// },
            { name: "editor", test: /node_modules\/(@codemirror|@lezer|style-mod|w3c-keyname|crelt)\// },
            // What every page needs, and what most need, each in one file: a slow processor is long at work with many small ones.
            { name: "libraries", test: /node_modules/, tags: ["$initial"] },
            { name: "start", tags: ["$initial"] },
            { name: "shared", minShareCount: 20 },
          ],
        },
      },
    },
  },
});
