import { useState } from "react";
import { SqlReview } from "@/components/sql-preview";
import { dropFunction, wordOf } from "@/features/functions/draft";
import { useDependents } from "@/features/functions/use-function";
import { Check } from "@/features/schema-edit/column-details";
import type { DatabaseFunction } from "@/lib/catalog";
import { describe } from "@/lib/errors";
import { useNames } from "@/lib/project-data";

/** Drops a function, after it was said what depends on it. */
export function DropFunction({ fn, cascading = false, onClose, onDone }: { fn: DatabaseFunction; cascading?: boolean; onClose: () => void; onDone: () => void }) {
  const [cascade, setCascade] = useState(cascading);
  const { names } = useNames();
  const dependents = useDependents(fn);
  if (!names) return null;
  const found = dependents.data ?? [];
  const word = wordOf(fn.kind);
  return (
    <SqlReview
      open
      title={`Drop ${fn.name}`}
      sql={dropFunction(fn, names, cascade)}
      name={`drop ${word} ${fn.name}`}
      about={
        <div className="flex flex-col gap-3">
          {dependents.isError && <p>What depends on it could not be asked: {describe(dependents.error).message}</p>}
          {found.length > 0 && (
            <div>
              <p>{found.length === 1 ? "One thing depends" : `${found.length} things depend`} on it:</p>
              <ul className="mt-1 max-h-40 overflow-y-auto rounded-md border border-border px-3 py-1.5 text-foreground" aria-label="What depends on it">
                {found.map((each) => (
                  <li key={each} className="text-xs leading-6 break-words">
                    {each}
                  </li>
                ))}
              </ul>
            </div>
          )}
          {(found.length > 0 || cascade) && <Check label="Drop what depends on it too" about={cascade ? "Cascade: all of it goes with the function. Columns lose only their default." : "Otherwise the drop is refused."} checked={cascade} onChange={setCascade} />}
        </div>
      }
      danger="Requests and SQL that call it fail from then on."
      typed={cascade && found.length > 0 ? fn.name : undefined}
      verb={`Drop ${word}`}
      done={`${fn.name} was dropped.`}
      onDone={onDone}
      onClose={onClose}
    />
  );
}
