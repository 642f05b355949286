import { z } from "zod/mini";

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

/** The installation cannot answer yet, and says why. */
export class NotReady extends Error {}

/** Reads the installation's configuration. Throws with a message for people. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json"); // index.html asks for it while scripts load; it is not to be kept
  if (response.status === 503) {
    const body = (await response.json().catch(() => ({}))) as { message?: string };
    throw new NotReady(body.message ?? "Fluxbase is not ready yet. Try again in a moment.");
  }
  if (!response.ok) throw new Error(`The server answered ${response.status} when asked for its configuration.`);
  return schema.parse(await response.json());
}
