import { AlignLeft, ChevronDown, Play, Save, Square, Workflow } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Menu, MenuChoice, MenuChoices, MenuContent, MenuItem, MenuLabel, MenuTrigger } from "@/components/ui/menu";
import { Tooltip } from "@/components/ui/tooltip";
import { RoleChoice, roleNote } from "@/features/sql/role";
import { limits, usualLimit } from "@/features/sql/tabs/store";
import { count } from "@/lib/format";

export const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const key = (name: string) => (apple ? `⌘${name}` : `Ctrl ${name}`);

export type Mode = "rows" | "explain" | "analyze";

interface Props {
  empty: boolean;
  running: boolean;
  selected: boolean;
  onRun: (piece: "chosen" | "current", mode: Mode) => void;
  onCancel: () => void;
  onFormat: () => void;
  onSave: () => void;
  as: string | undefined;
  asName: string | undefined;
  onAs: (as: string | undefined) => void;
  limit: number | undefined;
  onLimit: (limit: number) => void;
}

/** What is done with the text of the tab, and as whom. */
export function Toolbar(props: Props) {
  const { empty, running, selected, onRun, onCancel, onFormat, onSave, as, asName, onAs, limit, onLimit } = props;
  return (
    <div role="toolbar" aria-label="Query" className="flex min-h-12 shrink-0 items-center gap-x-2 border-b border-border px-2 py-1.5">
      <RoleChoice as={as} name={asName} onChange={onAs} />
      <p className="min-w-0 flex-1 truncate text-xs text-muted @max-[860px]:sr-only">{roleNote(as)}</p>
      <div className="ml-auto flex items-center @min-[620px]:gap-1">
        <Menu>
          <MenuTrigger asChild>
            <Button variant="ghost" aria-label={`Rows at most: ${count(limit ?? usualLimit)}`} className="tabular-nums @max-[620px]:px-2">
              {count(limit ?? usualLimit)} <span className="@max-[620px]:hidden">rows</span> <ChevronDown aria-hidden className="@max-[620px]:hidden" />
            </Button>
          </MenuTrigger>
          <MenuContent align="end">
            <MenuLabel>Rows of a result at most</MenuLabel>
            <MenuChoices value={String(limit ?? usualLimit)} onValueChange={(value) => onLimit(Number(value))}>
              {limits.map((each) => (
                <MenuChoice key={each} value={String(each)}>
                  {count(each)}
                </MenuChoice>
              ))}
            </MenuChoices>
          </MenuContent>
        </Menu>
        <Tooltip text={`Format (${apple ? "⇧⌥F" : "Shift Alt F"})`}>
          <Button variant="ghost" disabled={empty} onClick={onFormat} aria-label="Format" className="@max-[620px]:px-2">
            <AlignLeft aria-hidden /> <span className="@max-[620px]:hidden">Format</span>
          </Button>
        </Tooltip>
        <Menu>
          <MenuTrigger asChild>
            <Button variant="ghost" disabled={empty || running} aria-label="Explain" className="@max-[620px]:px-2">
              <Workflow aria-hidden />
              <span className="@max-[620px]:hidden">Explain</span> <ChevronDown aria-hidden className="@max-[620px]:hidden" />
            </Button>
          </MenuTrigger>
          <MenuContent align="end" className="max-w-72">
            <MenuItem onSelect={() => onRun("current", "explain")}>
              <span className="py-1">
                Explain
                <span className="block text-xs text-muted">How Postgres would carry out the statement at the cursor. It does not run.</span>
              </span>
            </MenuItem>
            <MenuItem onSelect={() => onRun("current", "analyze")}>
              <span className="py-1">
                Explain and measure
                <span className="block text-xs text-muted">Runs it and measures each step. What it changes is rolled back; numbers drawn from sequences are not.</span>
              </span>
            </MenuItem>
          </MenuContent>
        </Menu>
        <Tooltip text={`Save as a snippet (${key("S")})`}>
          <Button variant="ghost" disabled={empty} onClick={onSave} aria-label="Save" className="@max-[620px]:px-2">
            <Save aria-hidden /> <span className="@max-[620px]:hidden">Save</span>
          </Button>
        </Tooltip>
      </div>
      {running ? (
        <Button onClick={onCancel} variant="danger">
          <Square aria-hidden /> Cancel
        </Button>
      ) : (
        <div className="flex">
          <Button variant="primary" disabled={empty} onClick={() => onRun("chosen", "rows")} aria-label={selected ? "Run selection" : "Run"} className="rounded-r-none @max-[620px]:px-2.5">
            <Play aria-hidden /> Run{selected && <span className="@max-[620px]:hidden"> selection</span>}
            <kbd className="ml-1 font-mono text-xs @max-[760px]:hidden">{apple ? "⌘↵" : "Ctrl ↵"}</kbd>
          </Button>
          <Menu>
            <MenuTrigger asChild>
              <Button variant="primary" disabled={empty} aria-label="Other ways" className="rounded-l-none border-l border-accent-foreground/25 px-1.5">
                <ChevronDown aria-hidden />
              </Button>
            </MenuTrigger>
            <MenuContent align="end">
              <MenuItem onSelect={() => onRun("current", "rows")}>
                <span className="flex-1">Run the statement at the cursor</span>
                <kbd className="font-mono text-xs text-faint">{apple ? "⇧⌘↵" : "Ctrl Shift ↵"}</kbd>
              </MenuItem>
              <MenuItem onSelect={() => onRun("current", "explain")}>Explain it</MenuItem>
              <MenuItem onSelect={() => onRun("current", "analyze")}>Explain and measure it</MenuItem>
            </MenuContent>
          </Menu>
        </div>
      )}
    </div>
  );
}
