import { KeyType } from "@/gen/fluxbase/controlplane/v1/key_pb";

interface Scope {
  name: string;
  about: string;
  /** For secret keys only. */
  secret?: boolean;
}

/** What a key may be bounded to. */
export const scopes: Scope[] = [
  { name: "tables:read", about: "read tables and views, and call functions by GET" },
  { name: "tables:write", about: "insert, change and delete rows, and call functions by POST" },
  { name: "storage:read", about: "list and download files" },
  { name: "storage:write", about: "upload, move and delete files" },
  { name: "functions:invoke", about: "call edge functions" },
  { name: "realtime:subscribe", about: "listen to changes and channels" },
  { name: "auth:admin", about: "manage the app's users", secret: true },
  { name: "sql:run", about: "run any SQL as the project's owner", secret: true },
];

export const scopesFor = (type: KeyType): Scope[] => scopes.filter((each) => type === KeyType.SECRET || !each.secret);
