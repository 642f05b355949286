import { createClient, type Client } from "@connectrpc/connect";
import type { CustomOAuthProvider, User as AuthUser } from "@supabase/auth-js";
import { useMemo } from "react";
import { ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useApp } from "@/lib/app";
import { useDeveloper, type Developer } from "@/lib/developer";

/** A user of a project, as its auth service tells administrators. */
export type User = AuthUser & { is_anonymous?: boolean; banned_until?: string | null; deleted_at?: string | null; invited_at?: string | null; is_sso_user?: boolean };

export interface UserSession {
  id: string;
  created_at: string;
  refreshed_at?: string | null;
  not_after?: string | null;
  aal?: string | null;
  ip?: string | null;
  user_agent?: string | null;
}

export interface AuditEntry {
  id: string;
  created_at: string;
  ip_address?: string;
  payload: Record<string, unknown>;
}

export interface SsoProvider {
  id: string;
  disabled?: boolean | null;
  created_at?: string;
  saml?: { entity_id?: string; metadata_url?: string; metadata_xml?: string; name_id_format?: string; attribute_mapping?: { keys?: Record<string, unknown> } };
  domains?: { domain: string }[];
}

export type CustomProvider = CustomOAuthProvider;

/** What the auth service refused. */
export class AuthRefusal extends Error {
  readonly code?: string;
  readonly requestId?: string;

  constructor(
    body: Record<string, unknown>,
    readonly status: number,
    requestId: string | null,
  ) {
    super(words(body.message) ?? words(body.msg) ?? `The project answered with status ${status}.`);
    this.code = words(body.error_code) ?? words(body.code);
    this.requestId = requestId ?? undefined;
  }
}

function words(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

interface Call {
  method?: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  signal?: AbortSignal;
}

/** A page of a list, and how many there are in all where the server counts them. */
export interface Paged<T> {
  items: T[];
  total?: number;
}

/** Manages the users of one project, by the admin API of its auth service. */
export class AuthAdmin {
  constructor(
    private readonly ref: string,
    private readonly base: string,
    private readonly developer: Developer,
    private readonly projects: Client<typeof ProjectService>,
  ) {}

  async users(page: number, perPage: number, filter: string, signal?: AbortSignal): Promise<Paged<User>> {
    const { body, response } = await this.answer("/admin/users", { query: { page, per_page: perPage, filter: filter || undefined }, signal });
    return { items: (body as { users?: User[] }).users ?? [], total: totalOf(response) };
  }

  user = (id: string, signal?: AbortSignal) => this.call<User>(`/admin/users/${id}`, { signal });
  createUser = (body: Record<string, unknown>) => this.call<User>("/admin/users", { method: "POST", body });
  updateUser = (id: string, body: Record<string, unknown>) => this.call<User>(`/admin/users/${id}`, { method: "PUT", body });
  deleteUser = (id: string, soft: boolean) => this.call<unknown>(`/admin/users/${id}`, { method: "DELETE", body: { should_soft_delete: soft } });
  invite = (email: string) => this.call<User>("/invite", { method: "POST", body: { email } });
  deleteFactor = (user: string, factor: string) => this.call<unknown>(`/admin/users/${user}/factors/${factor}`, { method: "DELETE" });
  endSession = (user: string, session?: string) => this.call<unknown>(`/admin/users/${user}/sessions${session ? `/${session}` : ""}`, { method: "DELETE" });

  async sessions(user: string, signal?: AbortSignal): Promise<UserSession[]> {
    return (await this.call<{ sessions?: UserSession[] }>(`/admin/users/${user}/sessions`, { signal })).sessions ?? [];
  }

  /** A token as the user, for a short time. It is written to the project's audit log. */
  impersonate = (user: string, body: { reason: string; duration: string }) =>
    this.call<{ access_token: string; expires_in?: number }>(`/admin/users/${user}/impersonate`, { method: "POST", body });

  /** A link as the mail would have it, without a mail. */
  link = (type: "recovery" | "magiclink", email: string) => this.call<{ action_link: string }>("/admin/generate_link", { method: "POST", body: { type, email } });

  /** Sends what users else ask for themselves: with the service's key, so that no CAPTCHA is asked for. */
  async send(kind: "recover" | "magiclink", email: string): Promise<void> {
    const { serviceRoleKey } = await this.projects.getConnectionInfo({ ref: this.ref });
    const headers = { apikey: serviceRoleKey, Authorization: `Bearer ${serviceRoleKey}`, "Content-Type": "application/json" };
    const [path, body] = kind === "recover" ? ["/recover", { email }] : ["/otp", { email, create_user: false }];
    await refuse(await fetch(`${this.base}/auth/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
  }

  async audit(page: number, perPage: number, filter: string, signal?: AbortSignal): Promise<Paged<AuditEntry>> {
    const { body, response } = await this.answer("/admin/audit", { query: { page, per_page: perPage, filter: filter || undefined }, signal });
    return { items: body as AuditEntry[], total: totalOf(response) };
  }

  preview = (name: string, subject: string, content: string, signal?: AbortSignal) =>
    this.call<{ subject: string; html: string }>("/admin/templates/preview", { method: "POST", body: { template: name, subject, content }, signal });
  testMail = (name: string, subject: string, content: string, to: string) => this.call<unknown>("/admin/templates/test", { method: "POST", body: { template: name, subject, content, to } });

  async customProviders(signal?: AbortSignal): Promise<CustomProvider[]> {
    return (await this.call<{ providers?: CustomProvider[] }>("/admin/custom-providers", { signal })).providers ?? [];
  }
  createCustomProvider = (body: Record<string, unknown>) => this.call<CustomProvider>("/admin/custom-providers", { method: "POST", body });
  updateCustomProvider = (id: string, body: Record<string, unknown>) => this.call<CustomProvider>(`/admin/custom-providers/${encodeURIComponent(id)}`, { method: "PUT", body });
  deleteCustomProvider = (id: string) => this.call<unknown>(`/admin/custom-providers/${encodeURIComponent(id)}`, { method: "DELETE" });

  async ssoProviders(signal?: AbortSignal): Promise<SsoProvider[]> {
    return (await this.call<{ items?: SsoProvider[] }>("/admin/sso/providers", { signal })).items ?? [];
  }
  createSsoProvider = (body: Record<string, unknown>) => this.call<SsoProvider>("/admin/sso/providers", { method: "POST", body });
  updateSsoProvider = (id: string, body: Record<string, unknown>) => this.call<SsoProvider>(`/admin/sso/providers/${id}`, { method: "PUT", body });
  deleteSsoProvider = (id: string) => this.call<unknown>(`/admin/sso/providers/${id}`, { method: "DELETE" });

  private async call<T>(path: string, call: Call): Promise<T> {
    return (await this.answer(path, call)).body as T;
  }

  private async answer(path: string, { method = "GET", query = {}, body, signal }: Call) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    const text = search.toString();
    const response = await this.developer.fetch(`/auth/v1${path}${text ? `?${text}` : ""}`, {
      method,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: { "X-Supabase-Api-Version": "2024-01-01" },
    });
    return { body: await refuse(response), response };
  }
}

/** The answer's JSON, or what the service refused. */
async function refuse(response: Response): Promise<unknown> {
  const body: unknown = await response.json().catch(() => ({}));
  if (!response.ok) throw new AuthRefusal((body ?? {}) as Record<string, unknown>, response.status, response.headers.get("x-request-id"));
  return body;
}

function totalOf(response: Response): number | undefined {
  const text = response.headers.get("x-total-count");
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function useAuthAdmin(ref: string, base: string): AuthAdmin {
  const { transport } = useApp();
  const developer = useDeveloper(ref, base);
  return useMemo(() => new AuthAdmin(ref, base, developer, createClient(ProjectService, transport)), [ref, base, developer, transport]);
}
