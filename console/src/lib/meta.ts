import { useMemo } from "react";
import type {
  Advice,
  CatalogColumn,
  CatalogSchema,
  CatalogTable,
  Constraint,
  DatabaseFunction,
  DatabaseRole,
  DatabaseType,
  Extension,
  Grant,
  Index,
  Migration,
  Policy,
  Trigger,
} from "@/lib/catalog";
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

/** Who SQL runs as. Without a role: the project's owner, whom no policy holds. */
export interface As {
  role?: "anon" | "authenticated" | "service_role";
  /** What auth.jwt() reads; the role is put in. */
  claims?: Record<string, unknown>;
}

export interface QueryOptions {
  /** Of one statement: values for $1, $2 …, as Postgres reads them; null is null. */
  params?: (string | null)[];
  /** The most rows of each result: 1,000 unless told, 10,000 at most. */
  limit?: number;
  /** Every value as Postgres writes it, or null. */
  text?: boolean;
  /** Refuses whatever changes something. */
  readOnly?: boolean;
  as?: As;
}

/** Narrows a list of the catalog. */
export interface CatalogFilter {
  schema?: string;
  table?: string;
  /** Part of a name. */
  search?: string;
  /** Of tables: these kinds only, parted by commas. */
  kind?: string;
}

/** The lists of the catalog, and what is in them. */
interface Lists {
  schemas: CatalogSchema;
  tables: CatalogTable;
  columns: CatalogColumn;
  constraints: Constraint;
  indexes: Index;
  policies: Policy;
  triggers: Trigger;
  functions: DatabaseFunction;
  types: DatabaseType;
  extensions: Extension;
  roles: DatabaseRole;
  grants: Grant;
  migrations: Migration;
  advice: Advice;
}

export interface PageOf<T> {
  items: T[];
  /** Where the next page begins, if there is one. */
  next?: number;
}

/** A part of a file's rows, in the file's order. */
export interface ImportPart {
  schema: string;
  table: string;
  columns: string[];
  /** One value for each column, as Postgres reads it; null is null. */
  rows: (string | null)[][];
  /** What happens with a row that a unique key refuses. */
  on_conflict: "error" | "skip" | "update";
  /** Whether good rows are kept when others of this part are not. */
  keep_good: boolean;
  /** Checks, and keeps nothing. */
  dry_run: boolean;
}

export interface ImportAnswer {
  inserted: number;
  /** Row counts from 0 within the part. At most 100. */
  errors: { row: number; column: string | null; code: string; message: string }[];
  failed: number;
}

export interface ExportRequest {
  query: string;
  params?: (string | null)[];
  format: "csv" | "json" | "ndjson";
  as?: As;
}

/** How many items of a list are read, at most, where all are wanted. */
const mostItems = 100_000;

/** Runs SQL in one project, and reads its catalog, with a token that lives ten minutes. */
export class Meta {
  constructor(private readonly developer: Developer) {}

  async query(query: string, signal?: AbortSignal, options: QueryOptions = {}): Promise<Result[]> {
    const { readOnly, as, ...rest } = options;
    const body = await this.call("/query", { method: "POST", body: JSON.stringify({ query, ...rest, ...as, read_only: readOnly }), signal });
    return (body as { results: Wire[] }).results.map(result);
  }

  /** Runs SQL as the owner, all of it or none, and writes down what ran and who ran it. */
  async migrate(name: string, sql: string): Promise<Migration> {
    return (await this.call("/migrations", { method: "POST", body: JSON.stringify({ name, sql }) })) as Migration;
  }

  /** A page of a list of the catalog. */
  async page<K extends keyof Lists>(list: K, filter: CatalogFilter, limit: number, offset: number, signal?: AbortSignal): Promise<PageOf<Lists[K]>> {
    const search = new URLSearchParams({ limit: String(limit), offset: String(offset) });
    for (const [name, value] of Object.entries(filter)) if (value) search.set(name, String(value));
    const { body, next } = await this.answer(`/${list}?${search}`, { signal });
    return { items: body as Lists[K][], next: next ? Number(next) : undefined };
  }

  /** All of a list, up to a bound that no person's project comes to. */
  async all<K extends keyof Lists>(list: K, filter: CatalogFilter, signal?: AbortSignal): Promise<Lists[K][]> {
    const items: Lists[K][] = [];
    for (let offset: number | undefined = 0; offset !== undefined && items.length < mostItems; ) {
      const page: PageOf<Lists[K]> = await this.page(list, filter, 10_000, offset, signal);
      items.push(...page.items);
      offset = page.next;
    }
    return items;
  }

  /** The columns of all tables. */
  columns = (signal: AbortSignal) => this.all("columns", {}, signal);

  async importRows(part: ImportPart, signal: AbortSignal): Promise<ImportAnswer> {
    return (await this.call("/import", { method: "POST", body: JSON.stringify(part), signal })) as ImportAnswer;
  }

  /** The rows of a statement as a stream, however many there are. */
  async exportRows(request: ExportRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { as, ...rest } = request;
    const response = await this.developer.fetch("/meta/v1/export", { method: "POST", body: JSON.stringify({ ...rest, ...as }), signal });
    if (!response.ok || !response.body) throw await refusal(response);
    return response.body;
  }

  private async call(path: string, init: RequestInit): Promise<unknown> {
    return (await this.answer(path, init)).body;
  }

  /** Next is where the page after this one begins, of lists that have more. */
  private async answer(path: string, init: RequestInit): Promise<{ body: unknown; next: string | null }> {
    const response = await this.developer.fetch(`/meta/v1${path}`, init);
    if (!response.ok) throw await refusal(response);
    const body: unknown = await response.json();
    return { body, next: response.headers.get("x-next-offset") };
  }
}

async function refusal(response: Response): Promise<SqlError> {
  const body = ((await response.json().catch(() => undefined)) ?? {}) as Record<string, unknown>;
  if (!body.error && !body.message) body.message = `The server answered ${response.status} and gave no reason.${response.status >= 500 ? " It may be starting, or something between it and you is: try again." : ""}`;
  return new SqlError((body.error ?? body) as Record<string, unknown>, response.headers.get("x-request-id"));
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
