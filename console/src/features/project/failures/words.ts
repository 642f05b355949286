import type { Failure } from "@/lib/failures";

/** What a code says, and what usually helps. */
const codes: Record<string, { means: string; help: string }> = {
  // Of Postgres.
  "42P01": { means: "The table or view does not exist", help: "Check its name and schema. A table that was just made is known a moment later." },
  "42703": { means: "The column does not exist", help: "Check the names in select, filters and the body." },
  "42883": { means: "The function does not exist", help: "Check its name, and the names and types of its arguments." },
  "42501": { means: "Not permitted", help: "The role lacks a grant, or no policy of row level security lets the row through." },
  "42601": { means: "A mistake in the SQL", help: "A function, view or policy of yours holds SQL that Postgres cannot read." },
  "22012": { means: "Division by zero", help: "Guard the divisor with nullif(x, 0)." },
  "22P02": { means: "A value does not fit its column's type", help: "Often a text that is no number, uuid or date." },
  "22001": { means: "A text is too long for its column", help: "Shorten it, or alter the column." },
  "22003": { means: "A number is out of range", help: "Use a wider type, bigint or numeric." },
  "23502": { means: "A required column is missing", help: "Send a value, or give the column a default." },
  "23503": { means: "A foreign key is violated", help: "The row that is referred to does not exist, or is still referred to." },
  "23505": { means: "A unique value is there already", help: "Update the row instead, or upsert." },
  "23514": { means: "A check constraint is violated", help: "The value breaks a rule of the table." },
  XX000: { means: "An internal error of Postgres", help: "The worker's log has more, by the request id." },
  P0001: { means: "A function raised an error", help: "The message in the answer is the function's own." },
  "40001": { means: "Two transactions were in each other's way", help: "Try again: it succeeds then." },
  "40P01": { means: "A deadlock", help: "Change rows in the same order everywhere, and try again." },
  "53300": { means: "Too many connections", help: "Close what is not used. Requests of the API share few." },
  "57014": { means: "The statement took too long", help: "Look at its plan with EXPLAIN; an index may be missing." },
  // Of the gateway.
  API_KEY_MISSING: { means: "No API key was sent", help: "Send the publishable key in the header apikey." },
  API_KEY_INVALID: { means: "The API key is none of this project", help: "It may be mistyped, another project's or revoked." },
  API_KEY_EXPIRED: { means: "The API key has expired", help: "Make another one." },
  INSUFFICIENT_SCOPE: { means: "The API key may not do this", help: "Its scopes leave it out; give the key more, or use another one." },
  RATE_LIMITED: { means: "Too many requests", help: "Wait as long as Retry-After says; limits are those of the plan and the key." },
  ROUTE_NOT_FOUND: { means: "There is no service at this path", help: "Paths begin with /rest/v1, /auth/v1, /storage/v1 or /api/v1." },
  OVER_QUOTA: { means: "The plan's quota is used up", help: "Choose a larger plan, or wait for the next month." },
  BODY_TOO_LARGE: { means: "The request's body is too large", help: "Send less at once." },
  TOKEN_REVOKED: { means: "The session was ended", help: "The user signs in again." },
  // Of REST.
  PGRST100: { means: "The query cannot be read", help: "A filter is column=operator.value, as in ?id=eq.7; select and order have a form of their own too." },
  PGRST102: { means: "The body cannot be read", help: "Send JSON, and say so with Content-Type: application/json." },
  PGRST106: { means: "The schema is not exposed", help: "The setting rest.schemas names those that are." },
  PGRST203: { means: "Several functions fit", help: "Name all arguments, or give the functions different names." },
  PGRST116: { means: "Not exactly one row", help: "single() wants one row; use maybeSingle(), or filter more." },
  PGRST200: { means: "No such relationship", help: "Embedding follows foreign keys; add one between the tables." },
  PGRST202: { means: "The function does not exist", help: "Check its name and its arguments' names." },
  PGRST204: { means: "The column does not exist", help: "Check the names in the body." },
  PGRST205: { means: "The table does not exist", help: "Check its name, and that its schema is exposed." },
  PGRST301: { means: "The token cannot be used", help: "It is expired, or signed with another key." },
  PGRST303: { means: "The token has expired", help: "Refresh the session." },
  // Of auth.
  invalid_credentials: { means: "Wrong email or password", help: "Nothing to do, unless many come from one address." },
  email_not_confirmed: { means: "The address is not confirmed yet", help: "Send the mail again, or confirm the user by hand." },
  user_already_exists: { means: "The user is registered already", help: "They sign in instead." },
  weak_password: { means: "The password is too weak", help: "The rules are in Auth, Protection." },
  over_request_rate_limit: { means: "Too many attempts", help: "Limits of auth are in Auth, Protection." },
  over_email_send_rate_limit: { means: "Too many mails", help: "Configure a mail server of your own to send more." },
  // Of storage.
  NoSuchKey: { means: "There is no such file", help: "Check bucket and path. A file that a policy hides is not there either." },
  NoSuchBucket: { means: "There is no such bucket", help: "Create it first." },
  AccessDenied: { means: "Not permitted", help: "No policy on storage.objects lets the role do it." },
  EntityTooLarge: { means: "The file is too large", help: "The bucket or the plan bounds its size." },
};

const statuses: Record<number, { means: string; help: string }> = {
  400: { means: "The request was not understood", help: "The answer's message says what was wrong." },
  401: { means: "No valid key or token", help: "Send the API key, and the user's token if there is one." },
  403: { means: "Not permitted", help: "The role lacks a grant, a policy or a scope." },
  404: { means: "Not found", help: "Check the path." },
  406: { means: "Not exactly one row", help: "single() wants one row; use maybeSingle()." },
  409: { means: "A conflict with what is there", help: "The row or file exists already, or is referred to." },
  413: { means: "Too large", help: "Send less at once." },
  422: { means: "Not accepted", help: "The answer's message says why." },
  429: { means: "Too many requests", help: "Wait as long as Retry-After says." },
  500: { means: "It failed on the server", help: "Search the worker's log for the request id." },
  502: { means: "An upstream did not answer", help: "Try again." },
  503: { means: "Not available at the moment", help: "Try again shortly." },
  504: { means: "It took too long", help: "Look at the statement's plan with EXPLAIN; an index may be missing." },
};

/** Puts a failure into words. */
export function meaning({ code, status }: Pick<Failure, "code" | "status">): { means: string; help: string } {
  return codes[code] ?? statuses[status] ?? (status >= 500 ? statuses[500]! : statuses[400]!);
}

/** The id that a list begins before to have this one first. */
export function after(id: string): string {
  return (BigInt(`0x${id}`) + 1n).toString(16).padStart(id.length, "0");
}
