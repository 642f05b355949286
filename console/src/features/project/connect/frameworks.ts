import { quoted, shell, type File, type Values, type Way } from "@/features/project/connect/values";

const install = shell("npm install @supabase/supabase-js");
const env = (name: string, { url, key }: Values, prefix: string): File => ({
  name,
  language: "env",
  code: `${prefix}SUPABASE_URL=${url}\n${prefix}SUPABASE_KEY=${key}`,
});

/** Each shows the rows of a table, with supabase-js. */
export function frameworks(values: Values): Way[] {
  const table = quoted(values.table);
  const vite = { name: "src/supabase.ts", language: "ts", code: client("import.meta.env.VITE_SUPABASE_URL", "import.meta.env.VITE_SUPABASE_KEY") };
  return [
    {
      id: "nextjs",
      name: "Next.js",
      group: "App frameworks",
      about: "With the app router, on Node 22 or newer: rows are read on the server, and the same client works in the browser.",
      files: [
        install,
        env(".env.local", values, "NEXT_PUBLIC_"),
        { name: "lib/supabase.ts", language: "ts", code: client("process.env.NEXT_PUBLIC_SUPABASE_URL!", "process.env.NEXT_PUBLIC_SUPABASE_KEY!") },
        {
          name: "app/page.tsx",
          language: "tsx",
          code: `import { supabase } from "@/lib/supabase";

export default async function Page() {
  const { data, error } = await supabase.from(${table}).select();
  if (error) return <p>{error.message}</p>;
  return <pre>{JSON.stringify(data, null, 2)}</pre>;
}`,
        },
      ],
    },
    {
      id: "react",
      name: "Vite + React",
      group: "App frameworks",
      about: "Vite gives the browser what begins with VITE_; the publishable key may be seen by everybody.",
      files: [
        install,
        env(".env", values, "VITE_"),
        vite,
        {
          name: "src/App.tsx",
          language: "tsx",
          code: `import { useEffect, useState } from "react";
import { supabase } from "./supabase";

export default function App() {
  const [rows, setRows] = useState<unknown[]>([]);
  useEffect(() => {
    void supabase.from(${table}).select().then(({ data }) => setRows(data ?? []));
  }, []);
  return <pre>{JSON.stringify(rows, null, 2)}</pre>;
}`,
        },
      ],
    },
    {
      id: "vue",
      name: "Vue",
      group: "App frameworks",
      about: "With Vite, as create-vue sets it up.",
      files: [
        install,
        env(".env", values, "VITE_"),
        vite,
        {
          name: "src/App.vue",
          language: "vue",
          code: `<script setup lang="ts">
import { onMounted, ref } from "vue";
import { supabase } from "./supabase";

const rows = ref<unknown[]>([]);
onMounted(async () => {
  const { data } = await supabase.from(${table}).select();
  rows.value = data ?? [];
});
</script>

<template>
  <pre>{{ rows }}</pre>
</template>`,
        },
      ],
    },
    {
      id: "sveltekit",
      name: "SvelteKit",
      group: "App frameworks",
      about: "On Node 22 or newer. Rows are read in load, on the server first and in the browser afterwards.",
      files: [
        install,
        env(".env", values, "PUBLIC_"),
        {
          name: "src/lib/supabase.ts",
          language: "ts",
          code: `import { PUBLIC_SUPABASE_KEY, PUBLIC_SUPABASE_URL } from "$env/static/public";\n${client("PUBLIC_SUPABASE_URL", "PUBLIC_SUPABASE_KEY")}`,
        },
        {
          name: "src/routes/+page.ts",
          language: "ts",
          code: `import { supabase } from "$lib/supabase";

export async function load() {
  const { data } = await supabase.from(${table}).select();
  return { rows: data ?? [] };
}`,
        },
        {
          name: "src/routes/+page.svelte",
          language: "svelte",
          code: `<script lang="ts">
  let { data } = $props();
</script>

<pre>{JSON.stringify(data.rows, null, 2)}</pre>`,
        },
      ],
    },
    {
      id: "expo",
      name: "React Native",
      group: "App frameworks",
      about: "With Expo: sessions are kept in AsyncStorage.",
      files: [
        shell("npx expo install @supabase/supabase-js @react-native-async-storage/async-storage react-native-url-polyfill"),
        env(".env", values, "EXPO_PUBLIC_"),
        {
          name: "lib/supabase.ts",
          language: "ts",
          code: `import AsyncStorage from "@react-native-async-storage/async-storage";
import { createClient } from "@supabase/supabase-js";
import "react-native-url-polyfill/auto";

export const supabase = createClient(
  process.env.EXPO_PUBLIC_SUPABASE_URL!,
  process.env.EXPO_PUBLIC_SUPABASE_KEY!,
  { auth: { storage: AsyncStorage, detectSessionInUrl: false } },
);`,
        },
      ],
    },
  ];
}

function client(url: string, key: string): string {
  return `import { createClient } from "@supabase/supabase-js";

export const supabase = createClient(
  ${url},
  ${key},
);`;
}
