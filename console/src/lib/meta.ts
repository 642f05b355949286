import { useMemo } from "react";
import { useDeveloper, type Developer } from "@/lib/developer";

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
  constructor(private readonly developer: Developer) {}

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
    const response = await this.developer.fetch(`/meta/v1${path}`, init);
    const body: unknown = await response.json().catch(() => ({}));
    if (!response.ok) {
      const error = (body as { error?: unknown }).error ?? body;
      throw new SqlError(error as Record<string, unknown>, response.headers.get("x-request-id"));
    }
    return { body, next: response.headers.get("x-next-offset") };
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
  const developer = useDeveloper(ref, base);
  return useMemo(() => new Meta(developer), [developer]);
}
