import { z } from "zod";

const schema = z.object({
  platform_url: z.string(),
  platform_key: z.string(),
  domain: z.string(),
  project_url_pattern: z.string(),
  dev: z.boolean(),
  version: z.string(),
});

/** What the installation tells its console before anyone has signed in. */
export type Config = z.infer<typeof schema>;

/** Reads the installation's configuration. Throws with a message for people. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`The server answered ${response.status} when asked for its configuration.`);
  return schema.parse(await response.json());
}
