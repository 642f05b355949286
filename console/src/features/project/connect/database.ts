/** A database URL taken apart, as drivers ask for it. */
export interface Login {
  url: string;
  host: string;
  port: string;
  database: string;
  user: string;
  password: string;
  /** "" where the URL names none. */
  sslMode: string;
}

export function loginOf(databaseUrl: string): Login | undefined {
  let url: URL;
  try {
    url = new URL(databaseUrl);
  } catch {
    return undefined;
  }
  return {
    url: databaseUrl,
    host: url.hostname,
    port: url.port || "5432",
    database: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    sslMode: url.searchParams.get("sslmode") ?? "",
  };
}

/** As drivers of Node and Java read it, which take "prefer" for a must. */
export function strictUrl(login: Login, scheme = "postgresql"): string {
  const query = ["", "prefer", "allow"].includes(login.sslMode) ? "" : `?sslmode=${login.sslMode}`;
  return `${scheme}://${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@${login.host}:${login.port}/${encodeURIComponent(login.database)}${query}`;
}

/** The URL with another scheme: SQLAlchemy names the driver there. */
export const withScheme = (login: Login, scheme: string): string => login.url.replace(/^[a-z]+:/, `${scheme}:`);

/** Hides the password wherever it stands. */
export function masked(code: string, login: Login | undefined): string {
  if (!login?.password) return code;
  return code.replaceAll(login.password, "••••••••").replaceAll(encodeURIComponent(login.password), "••••••••");
}
