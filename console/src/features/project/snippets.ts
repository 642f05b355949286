/** The project's real values, as the snippets need them. */
export interface Values {
  url: string;
  key: string;
  databaseUrl: string;
}

export interface Snippet {
  id: string;
  name: string;
  language: string;
  code: string;
  note: string;
}

/** Ready to paste: they read a table that the SQL editor's example makes. */
export function snippets({ url, key, databaseUrl }: Values): Snippet[] {
  const out: Snippet[] = [
    {
      id: "supabase-js",
      name: "supabase-js",
      language: "TypeScript",
      note: "npm install @supabase/supabase-js",
      code: `import { createClient } from "@supabase/supabase-js";

const supabase = createClient(
  "${url}",
  "${key}",
);

const { data, error } = await supabase.from("notes").select();`,
    },
    {
      id: "curl",
      name: "curl",
      language: "Shell",
      note: "Answers with the rows as JSON.",
      code: `curl "${url}/rest/v1/notes?select=*" \\
  -H "apikey: ${key}"`,
    },
  ];
  if (databaseUrl) {
    out.push({ id: "psql", name: "psql", language: "Shell", note: "Logs in as the project's owner role: keep the URL to yourself.", code: `psql "${databaseUrl}"` });
  }
  return out;
}
