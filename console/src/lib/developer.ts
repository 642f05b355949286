import { createClient, type Client } from "@connectrpc/connect";
import { useMemo } from "react";
import { ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useApp, type App } from "@/lib/app";
import { dateOf } from "@/lib/format";

/** Speaks to one project's services as a developer of it, with a token that lives ten minutes. */
export class Developer {
  private token?: { value: string; until: number };
  private asking?: Promise<string>;

  constructor(
    private readonly ref: string,
    private readonly base: string,
    private readonly projects: Client<typeof ProjectService>,
  ) {}

  /** Sends JSON to a path of the project. A token that is refused is made anew once. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.send(path, init);
    if (response.status !== 401) return response;
    this.token = undefined;
    return this.send(path, init);
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const headers = { Authorization: `Bearer ${await this.bearer()}`, "Content-Type": "application/json", ...init.headers };
    return fetch(`${this.base}${path}`, { ...init, headers });
  }

  private async bearer(): Promise<string> {
    if (this.token && this.token.until > Date.now() + 30_000) return this.token.value;
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async ask(): Promise<string> {
    const { token, expireTime } = await this.projects.createDeveloperToken({ ref: this.ref });
    this.token = { value: token, until: dateOf(expireTime)?.getTime() ?? Date.now() + 60_000 };
    return token;
  }
}

/** One of each project for the whole console: a token serves all its pages. */
const developers = new WeakMap<App, Map<string, Developer>>();

/** Whoever signs in next gets tokens of their own. */
export const forgetDevelopers = (app: App): void => void developers.delete(app);

export function developerOf(app: App, ref: string, base: string): Developer {
  const known = developers.get(app) ?? new Map<string, Developer>();
  developers.set(app, known);
  const id = `${ref} ${base}`;
  const developer = known.get(id) ?? new Developer(ref, base, createClient(ProjectService, app.transport));
  known.set(id, developer);
  return developer;
}

export function useDeveloper(ref: string, base: string): Developer {
  const app = useApp();
  return useMemo(() => developerOf(app, ref, base), [app, ref, base]);
}
