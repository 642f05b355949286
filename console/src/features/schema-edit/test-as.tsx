import { useMutation, useQuery } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { useDeferredValue, useId, useState } from "react";
import { SqlFailure } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { counting, manyOf } from "@/features/schema-edit/risks";
import type { As, Meta, Result } from "@/lib/meta";
import type { Names } from "@/lib/pg";
import { useHere } from "@/lib/project-data";

interface User {
  id: string;
  title: string;
  claims: Record<string, unknown>;
}

/** Users whose address, number or id has the text in it. */
async function findUsers(meta: Meta, names: Names, text: string, signal: AbortSignal): Promise<User[]> {
  const sql = `select id::text, coalesce(nullif(email, ''), nullif(phone, ''), id::text), email, phone, raw_app_meta_data::text, raw_user_meta_data::text from ${names.qualified("auth", "users")}
where deleted_at is null and (strpos(lower(coalesce(email, '')), lower($1)) > 0 or strpos(coalesce(phone, ''), $1) > 0 or strpos(id::text, lower($1)) > 0) order by created_at desc limit 20`;
  const [answer] = await meta.query(sql, signal, { params: [text.trim()], text: true, readOnly: true });
  return (answer?.rows ?? []).map(([id, title, email, phone, app, user]) => ({
    id: String(id),
    title: String(title),
    claims: { sub: id, email: email ?? "", phone: phone ?? "", aal: "aal1", is_anonymous: false, app_metadata: parsed(app), user_metadata: parsed(user) },
  }));
}

function parsed(json: unknown): unknown {
  return typeof json === "string" ? (JSON.parse(json) as unknown) : {};
}

type Who = "anon" | "user" | "service_role";

interface Seen {
  rows: Result;
  seen: number;
  all: number;
}

/** Reads the table as a request of someone would, so that policies can be seen to do what was meant. */
export function TestAs({ names, at }: { names: Names; at: string }) {
  const id = useId();
  const { project, meta } = useHere();
  const [who, setWho] = useState<Who>("anon");
  const [text, setText] = useState("");
  const search = useDeferredValue(text);
  const users = useQuery({
    queryKey: ["rows", project.ref, "users to be", search],
    queryFn: ({ signal }) => findUsers(meta, names, search, signal),
    enabled: who === "user",
    staleTime: 10_000,
    placeholderData: (before) => before,
    retry: false,
  });
  const chosen = users.data?.find((each) => each.title === text.trim() || each.id === text.trim());
  const test = useMutation({
    mutationFn: async (): Promise<Seen> => {
      const as: As = who === "user" ? { role: "authenticated", claims: chosen?.claims } : { role: who };
      const count = async (options: { as?: As }) => Number((await meta.query(counting(at, "true"), undefined, { readOnly: true, ...options }))[0]?.rows[0]?.[0] ?? 0);
      const [rows] = await meta.query(`select * from ${at} limit 10`, undefined, { as, text: true, readOnly: true });
      return { rows: rows!, seen: await count({ as }), all: await count({}) };
    },
  });
  const ready = who !== "user" || chosen;
  const change = (next: Who) => {
    setWho(next);
    test.reset();
  };
  return (
    <section className="flex flex-col gap-3" aria-label="Test as">
      <div>
        <h3 className="text-sm font-semibold">Test as</h3>
        <p className="text-xs text-muted">Reads the table as a request of the API would, with the policies as they are now.</p>
      </div>
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) test.mutate();
        }}
      >
        <div className="w-48 max-sm:w-full">
          <Field label="Who">
            <Select value={who} onChange={(event) => change(event.target.value as Who)}>
              <option value="anon">Not signed in (anon)</option>
              <option value="user">A user (authenticated)</option>
              <option value="service_role">The service role</option>
            </Select>
          </Field>
        </div>
        {who === "user" && (
          <div className="min-w-48 flex-1">
            <Field label="User" hint={users.data?.length === 0 ? "No user has this in their address, number or id." : undefined}>
              <Input
                list={`${id}-users`}
                value={text}
                placeholder="Email, phone or id"
                autoComplete="off"
                onChange={(event) => {
                  setText(event.target.value);
                  test.reset();
                }}
              />
            </Field>
            <datalist id={`${id}-users`}>
              {users.data?.map((each) => (
                <option key={each.id} value={each.title}>
                  {each.id}
                </option>
              ))}
            </datalist>
          </div>
        )}
        <Button type="submit" busy={test.isPending} disabled={!ready}>
          {!test.isPending && <Play aria-hidden />} Read as {who === "user" ? "this user" : who}
        </Button>
      </form>
      {users.isError && who === "user" && <SqlFailure error={users.error} what="The users could not be loaded" onRetry={() => void users.refetch()} retrying={users.isFetching} />}
      {test.isError && <SqlFailure error={test.error} what="The request is refused" onRetry={() => test.mutate()} retrying={test.isPending} />}
      {test.data && <Answer {...test.data} />}
    </section>
  );
}

function Answer({ rows, seen, all }: Seen) {
  return (
    <div className="flex flex-col gap-2">
      <p role="status" className="text-sm">
        Sees <span className="font-medium">{manyOf(seen)}</span> of {manyOf(all)} {all === 1 ? "row" : "rows"}.{rows.rows.length > 0 && seen > rows.rows.length ? ` The first ${rows.rows.length}:` : ""}
      </p>
      {rows.rows.length > 0 && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
        <div tabIndex={0} role="region" aria-label="Rows that are seen">
          <Table>
            <thead>
              <tr>
                {rows.columns.map((column) => (
                  <Th key={column.name}>{column.name}</Th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.rows.map((row, number) => (
                <Tr key={number}>
                  {row.map((value, column) => (
                    <Td key={column} className="h-8 max-w-60 truncate font-mono text-xs">
                      {value === null ? <span className="text-faint">null</span> : String(value)}
                    </Td>
                  ))}
                </Tr>
              ))}
            </tbody>
          </Table>
        </div>
      )}
    </div>
  );
}
