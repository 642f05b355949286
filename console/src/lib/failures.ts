import { useMemo } from "react";
import { useDeveloper, type Developer } from "@/lib/developer";
import { SqlError } from "@/lib/meta";

/** A request that was answered with status 400 or above, as /meta/v1/errors tells it. */
export interface Failure {
  /** Grows with time. */
  id: string;
  time: string;
  request_id: string;
  /** "rest", "auth", …, or "none" for a path that is no service's. */
  service: string;
  method: string;
  /** Without the query. */
  path: string;
  status: number;
  /** A SQLSTATE or a word, or "". */
  code: string;
  /** "" for nobody that is known. */
  role: string;
  key_id: string;
  ms: number;
}

export interface FailureFilter {
  /** One status, or "4xx" or "5xx". */
  status?: string;
  service?: string;
  /** A part of the path, the code or the request id. */
  search?: string;
  /** The id that the last page ended with. */
  before?: string;
}

/** The newest failed requests of one project. */
export class Failures {
  constructor(private readonly developer: Developer) {}

  async list(filter: FailureFilter, limit: number, signal?: AbortSignal): Promise<{ items: Failure[]; next?: string }> {
    const search = new URLSearchParams({ limit: String(limit) });
    for (const [name, value] of Object.entries(filter)) if (value) search.set(name, String(value));
    const response = await this.developer.fetch(`/meta/v1/errors?${search}`, { signal });
    if (!response.ok) {
      const body = ((await response.json().catch(() => undefined)) ?? {}) as Record<string, unknown>;
      throw new SqlError(body, response.headers.get("x-request-id"));
    }
    return { items: (await response.json()) as Failure[], next: response.headers.get("x-next-before") ?? undefined };
  }
}

export function useFailures(ref: string, base: string): Failures {
  const developer = useDeveloper(ref, base);
  return useMemo(() => new Failures(developer), [developer]);
}
