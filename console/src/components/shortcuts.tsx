import { Dialog } from "@/components/ui/dialog";

const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const mod = apple ? "⌘" : "Ctrl";
const shift = apple ? "⇧" : "Shift";

const groups: { name: string; keys: [keys: string[], words: string][] }[] = [
  {
    name: "Anywhere",
    keys: [
      [[mod, "K"], "go to a page, table or project, or do something"],
      [["/"], "to the page's filter"],
      [["Esc"], "close what is on top"],
      [[mod, "Z"], "take back what offers Undo"],
      [["F8"], "to the latest message"],
      [["?"], "these shortcuts"],
    ],
  },
  {
    name: "Lists",
    keys: [
      [["↑", "↓"], "from row to row"],
      [["↵"], "open the row"],
    ],
  },
  {
    name: "Rows of a table",
    keys: [
      [["↑", "↓", "←", "→"], `from cell to cell; with ${mod} to the end`],
      [["↵"], "edit the cell; typing begins anew"],
      [[mod, "↵"], "open the row"],
      [["Space"], "choose the row"],
      [[shift, "↓"], "choose more cells"],
      [[mod, "C"], "copy, and paste into a cell"],
      [[mod, "Z"], "take the last change back"],
    ],
  },
  {
    name: "SQL editor",
    keys: [
      [[mod, "↵"], "run all of it, or what is selected"],
      [[mod, shift, "↵"], "run the statement at the cursor"],
      [[mod, "Space"], "complete"],
      [[shift, apple ? "⌥" : "Alt", "F"], "format"],
      [[mod, "S"], "save as a snippet"],
      [["Esc", "Tab"], "leave the editor"],
    ],
  },
  {
    name: "Schema diagram",
    keys: [
      [["+", "−", "0"], "nearer, farther, all of it"],
      [["↵"], "open the table"],
    ],
  },
];

/** What the keyboard does, and where. */
export default function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Keyboard shortcuts" className="max-w-[720px]">
      <div className="gap-x-8 sm:columns-2">
        {groups.map(({ name, keys }) => (
          <section key={name} aria-label={name} className="mb-5 break-inside-avoid">
            <h3 className="mb-1.5 text-xs text-muted">{name}</h3>
            <dl className="flex flex-col gap-1.5">
              {keys.map(([each, words]) => (
                <div key={words} className="flex items-baseline gap-3 text-sm">
                  <dt className="flex w-32 shrink-0 gap-1">
                    {each.map((key) => (
                      <kbd key={key} className="rounded border border-border bg-surface px-1.5 font-mono text-xs leading-5 whitespace-nowrap">
                        {key}
                      </kbd>
                    ))}
                  </dt>
                  <dd className="min-w-0 flex-1">{words}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
