import { quoted, shell, type Values, type Way } from "@/features/project/connect/values";

/** supabase-js by itself, and plain requests. */
export function libraries(values: Values): Way[] {
  const { url, key, table } = values;
  const path = encodeURIComponent(table);
  return [
    {
      id: "supabase-js",
      name: "supabase-js",
      group: "Libraries and HTTP",
      about: "In browsers, Node 22 and newer, Deno and Bun. Row level security decides what the publishable key reads; signed-in users are known to it.",
      files: [
        {
          name: "index.ts",
          language: "ts",
          code: `import { createClient } from "@supabase/supabase-js";

const supabase = createClient(
  ${quoted(url)},
  ${quoted(key)},
);

const { data, error } = await supabase.from(${quoted(table)}).select();`,
        },
        shell("npm install @supabase/supabase-js"),
        {
          name: "On Node 20, which has no WebSocket: npm install ws",
          language: "ts",
          code: `import { createClient } from "@supabase/supabase-js";
import ws from "ws";

const supabase = createClient(
  ${quoted(url)},
  ${quoted(key)},
  { realtime: { transport: ws } },
);`,
        },
      ],
    },
    {
      id: "env",
      name: ".env",
      group: "Libraries and HTTP",
      about: "The values by themselves, to be kept beside an app. A secret key is not among them: it is shown once, on this page or under API keys.",
      files: [{ name: ".env", language: "env", code: envOf(values) }],
      secret: Boolean(values.login),
    },
    {
      id: "curl",
      name: "curl: read rows",
      group: "Libraries and HTTP",
      about: "Answers with rows as JSON. Filters are ?column=eq.value, and much more.",
      files: [
        shell(`curl "${url}/rest/v1/${path}?select=*&limit=10" \\
  -H "apikey: ${key}"`),
      ],
    },
    {
      id: "api",
      name: "curl: Fluxbase API",
      group: "Libraries and HTTP",
      about: "The same tables with paths for rows, aggregates and transactions. openapi.json describes all that the key may use.",
      files: [
        shell(`curl "${url}/api/v1/tables/${path}?limit=10" \\
  -H "apikey: ${key}"

curl "${url}/api/v1/openapi.json" \\
  -H "apikey: ${key}"`),
      ],
    },
    {
      id: "curl-auth",
      name: "curl: sign up a user",
      group: "Libraries and HTTP",
      about: "Makes a user of the app, and answers with a session unless addresses must be confirmed. What follows sends the session's access token as Authorization: Bearer.",
      files: [
        shell(`curl "${url}/auth/v1/signup" \\
  -H "apikey: ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"email": "ada@example.com", "password": "a long and good one"}'`),
      ],
    },
    {
      id: "curl-storage",
      name: "curl: upload a file",
      group: "Libraries and HTTP",
      about: "Makes a bucket and puts a file in it. Both take a secret key, or policies on storage.buckets and storage.objects that let others do it.",
      files: [
        shell(`SECRET_KEY=fbk_sec_…

curl "${url}/storage/v1/bucket" \\
  -H "apikey: $SECRET_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "pictures", "public": true}'

curl "${url}/storage/v1/object/pictures/hello.txt" \\
  -H "apikey: $SECRET_KEY" \\
  -H "Content-Type: text/plain" \\
  -d "hello"`),
      ],
    },
  ];
}

function envOf({ url, key, login }: Values): string {
  const lines = [`SUPABASE_URL=${url}`, `SUPABASE_KEY=${key}`];
  if (login) lines.push(`DATABASE_URL="${login.url}"`);
  return lines.join("\n");
}
