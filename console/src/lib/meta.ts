import { createClient, type Client } from "@connectrpc/connect";
import { ProjectService } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { useApp } from "@/lib/app";
import { dateOf } from "@/lib/format";
import { useMemo } from "react";

export interface Column {
  name: string;
  type: string;
}

/** What one statement answered. */
export interface Result {
  columns: Column[];
  rows: unknown[][];
  rowCount: number;
  command: string;
  /** Whether there are more rows than were sent. */
  truncated: boolean;
  notices: string[];
}

/** A statement that Postgres, or the service before it, refused. */
export class SqlError extends Error {
  readonly title = "The statement failed";
  readonly detail?: string;
  readonly hint?: string;
  readonly code?: string;
  /** Where in the text that was sent, from 0. */
  readonly offset?: number;
  readonly requestId?: string;

  constructor(body: Record<string, unknown>, requestId: string | null) {
    super(text(body.message) ?? "The server gave no reason.");
    this.code = text(body.code);
    this.detail = text(body.detail) ?? text(body.details);
    this.hint = text(body.hint);
    const position = Number(body.position);
    if (position > 0) this.offset = position - 1;
    this.requestId = requestId ?? undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export interface CatalogColumn {
  schema: string;
  table: string;
  name: string;
  type: string;
}

/** How many columns are read for completion, at most. */
const mostColumns = 100_000;

/** Runs SQL in one project, and reads its catalog, with a token that lives ten minutes. */
export class Meta {
  private token?: { value: string; until: number };

  constructor(
    private readonly ref: string,
    private readonly base: string,
    private readonly projects: Client<typeof ProjectService>,
  ) {}

  async query(query: string, signal: AbortSignal): Promise<Result[]> {
    const body = await this.call("/query", { method: "POST", body: JSON.stringify({ query }), signal });
    return (body as { results: Wire[] }).results.map(result);
  }

  /** The columns of all tables, up to a bound that no person's project comes to. */
  async columns(signal: AbortSignal): Promise<CatalogColumn[]> {
    const all: CatalogColumn[] = [];
    for (let path: string | undefined = "/columns"; path && all.length < mostColumns; ) {
      const { body, next } = await this.answer(path, { signal });
      all.push(...(body as CatalogColumn[]));
      path = next ? `/columns?limit=10000&offset=${next}` : undefined;
    }
    return all;
  }

  private async call(path: string, init: RequestInit): Promise<unknown> {
    return (await this.answer(path, init)).body;
  }

  /** Next is where the page after this one begins, of lists that have more. */
  private async answer(path: string, init: RequestInit): Promise<{ body: unknown; next: string | null }> {
    let response = await this.send(path, init);
    if (response.status === 401) {
      this.token = undefined;
      response = await this.send(path, init);
    }
    const body: unknown = await response.json().catch(() => ({}));
    if (!response.ok) {
      const error = (body as { error?: unknown }).error ?? body;
      throw new SqlError(error as Record<string, unknown>, response.headers.get("x-request-id"));
    }
    return { body, next: response.headers.get("x-next-offset") };
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const headers = { Authorization: `Bearer ${await this.bearer()}`, "Content-Type": "application/json" };
    return fetch(`${this.base}/meta/v1${path}`, { ...init, headers });
  }

  private async bearer(): Promise<string> {
    if (!this.token || this.token.until < Date.now() + 30_000) {
      const { token, expireTime } = await this.projects.createDeveloperToken({ ref: this.ref });
      this.token = { value: token, until: dateOf(expireTime)?.getTime() ?? Date.now() + 60_000 };
    }
    return this.token.value;
  }
}

interface Wire {
  columns?: Column[] | null;
  rows?: unknown[][] | null;
  row_count?: number;
  command?: string;
  truncated?: boolean;
  notices?: unknown[] | null;
}

function result(wire: Wire): Result {
  return {
    columns: wire.columns ?? [],
    rows: wire.rows ?? [],
    rowCount: wire.row_count ?? wire.rows?.length ?? 0,
    command: wire.command ?? "",
    truncated: wire.truncated ?? false,
    notices: (wire.notices ?? []).map((notice) => (typeof notice === "string" ? notice : (text((notice as { message?: unknown }).message) ?? JSON.stringify(notice)))),
  };
}

export function useMeta(ref: string, base: string): Meta {
  const { transport } = useApp();
  return useMemo(() => new Meta(ref, base, createClient(ProjectService, transport)), [ref, base, transport]);
}
