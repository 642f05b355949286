import { useState } from "react";
import { FilterInput } from "@/components/filter-input";
import { templates } from "@/features/sql/panel/templates";
import { moveByArrows } from "@/lib/rows";

/** SQL to begin with, opened in a tab of its own. */
export function Templates({ onOpen }: { onOpen: (name: string, sql: string) => void }) {
  const [search, setSearch] = useState("");
  const wanted = search.toLowerCase();
  const found = templates.filter((each) => [each.name, each.about, each.sql].some((text) => text.toLowerCase().includes(wanted)));
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <FilterInput value={search} onChange={setSearch} label="Search templates" first={false} className="sm:max-w-none" />
      {found.length === 0 && <p className="text-sm text-muted">No template has this in it.</p>}
      <div className="-mx-1 min-h-0 flex-1 overflow-y-auto px-1" onKeyDown={moveByArrows} role="presentation">
        {(["Make", "Look at"] as const).map((group) => {
          const list = found.filter((each) => each.group === group);
          if (list.length === 0) return null;
          return (
            <section key={group} aria-label={group}>
              <h3 className="py-1 text-xs text-faint">{group}</h3>
              <ul>
                {list.map(({ name, about, sql }) => (
                  <li key={name}>
                    <button type="button" data-row className="w-full rounded px-2 py-1.5 text-left hover:bg-hover focus-visible:-outline-offset-2" onClick={() => onOpen(name, sql)}>
                      <span className="block text-sm">{name}</span>
                      <span className="block text-xs text-muted">{about}</span>
                    </button>
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
      </div>
    </div>
  );
}
