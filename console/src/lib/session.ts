import { AuthClient, type Session } from "@supabase/auth-js";
import type { Config } from "@/lib/config";

/** Signs people in and out: accounts are users of the project "platform". */
export class Accounts {
  readonly client: InstanceType<typeof AuthClient>;
  /** Whether a link in a mail signed in here, on this page: only then a password is set without the present one. */
  entered = false;

  constructor(config: Config) {
    this.client = new AuthClient({
      url: `${config.platform_url}/auth/v1`,
      headers: { apikey: config.platform_key },
      storageKey: "fluxbase-session",
      persistSession: true,
      autoRefreshToken: true,
      detectSessionInUrl: false,
      flowType: "pkce", // a link in a mail signs in only the browser that asked for it
    });
  }

  /** The present session, refreshed when it was about to end; null when signed out. */
  async session(): Promise<Session | null> {
    const { data } = await this.client.getSession();
    return data.session;
  }

  /** A new access token after the server refused the present one; null when the session is over. */
  async renew(): Promise<string | null> {
    const { data } = await this.client.refreshSession();
    return data.session?.access_token ?? null;
  }

  /** Signs in with the code that a link in a mail came back with. */
  async enter(code: string | undefined): Promise<boolean> {
    if (!code) return false;
    const { error } = await this.client.exchangeCodeForSession(code);
    this.entered = !error;
    return this.entered;
  }

  /** Sets a password for one that was forgotten. */
  async setForgotten(password: string) {
    const { error } = await this.client.updateUser({ password });
    if (!error) this.entered = false;
    return error;
  }

  /** Ends the session here, and on the server when it can be reached. */
  async signOut(): Promise<void> {
    const { error } = await this.client.signOut({ scope: "local" });
    if (error) await this.forget();
  }

  /** Drops the session from this browser without asking the server. */
  async forget(): Promise<void> {
    localStorage.removeItem("fluxbase-session");
    await this.client.initialize();
  }
}

/** The path to go to after signing in. Only this console's own paths: anything else could lead people astray. */
export function returnTo(path: string | undefined): string {
  if (!path || !path.startsWith("/") || /^\/[/\\]/.test(path)) return "/";
  return path;
}
