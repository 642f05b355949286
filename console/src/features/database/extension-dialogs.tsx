import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { SqlReview } from "@/components/sql-preview";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { dependentsOf, disable, enable } from "@/features/database/extension-sql";
import { Check } from "@/features/schema-edit/column-details";
import type { Extension } from "@/lib/catalog";
import { describe } from "@/lib/errors";
import { useHere, useNames } from "@/lib/project-data";

export function EnableExtension({ extension, onClose }: { extension: Extension; onClose: () => void }) {
  const { names, schemas } = useNames();
  const [schema, setSchema] = useState("extensions");
  if (!names) return null;
  const offered = (schemas.data ?? []).filter((each) => each.creatable && each.name !== "supabase_migrations");
  return (
    <SqlReview
      open
      title={`Enable ${extension.name}`}
      sql={enable(extension.name, schema, names)}
      name={`enable ${extension.name}`}
      about={
        <div className="flex flex-col gap-4">
          <p>{sentence(extension.comment)}Extensions that it needs are enabled with it.</p>
          <div className="text-foreground">
            <Field label="Schema" hint={schema === "public" ? "Its functions can be called by the API there: extensions is the better place." : "Its functions are found without naming the schema."}>
              <Select value={schema} onChange={(event) => setSchema(event.target.value)}>
                {offered.map((each) => (
                  <option key={each.name}>{each.name}</option>
                ))}
              </Select>
            </Field>
          </div>
        </div>
      }
      verb="Enable"
      done={`${extension.name} was enabled.`}
      onDone={onClose}
      onClose={onClose}
    />
  );
}

/** What Postgres says of it, as a sentence. */
const sentence = (comment: string | null): string => (comment ? `${comment.charAt(0).toUpperCase()}${comment.slice(1).replace(/\.$/, "")}. ` : "");

export function DisableExtension({ extension, onClose }: { extension: Extension; onClose: () => void }) {
  const { project, meta } = useHere();
  const [cascade, setCascade] = useState(false);
  const found = useQuery({ queryKey: ["catalog", project.ref, "extension dependents", extension.name], queryFn: ({ signal }) => dependentsOf(meta, extension.name, signal), staleTime: 0, retry: false });
  const list = found.data ?? [];
  return (
    <SqlReview
      open
      title={`Disable ${extension.name}`}
      sql={disable(extension.name, cascade)}
      name={`disable ${extension.name}`}
      about={
        <div className="flex flex-col gap-3">
          {found.isPending && <p>Looking at what uses it…</p>}
          {found.isError && <p>What uses it could not be asked: {describe(found.error).message}</p>}
          {found.data && list.length === 0 && <p>Nothing uses it, as far as Postgres knows. The bodies of functions are not looked into.</p>}
          {list.length > 0 && (
            <>
              <div>
                <p>{list.length === 1 ? "One thing uses" : `${list.length} things use`} it:</p>
                {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard */}
                <ul tabIndex={0} className="mt-1 max-h-40 overflow-y-auto rounded-md border border-border px-3 py-1.5 text-foreground" aria-label="What uses it">
                  {list.map((each) => (
                    <li key={each} className="text-xs leading-6 break-all">
                      {each}
                    </li>
                  ))}
                </ul>
              </div>
              <Check label="Drop what uses it too" about={cascade ? "Cascade: columns of its types go with what is in them, and indexes and functions." : "Otherwise it is refused while something uses it."} checked={cascade} onChange={setCascade} />
            </>
          )}
        </div>
      }
      danger={cascade ? "What is listed is dropped, columns with their values. It cannot be taken back." : "Its functions and types are gone then; SQL that names them fails."}
      typed={cascade ? extension.name : undefined}
      verb="Disable"
      done={`${extension.name} was disabled.`}
      onDone={onClose}
      onClose={onClose}
    />
  );
}
