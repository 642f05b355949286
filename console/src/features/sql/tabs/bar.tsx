import { Link } from "@tanstack/react-router";
import { Ellipsis, Plus, X } from "lucide-react";
import { useState, type DragEvent } from "react";
import { Confirm } from "@/components/confirm";
import { Button } from "@/components/ui/button";
import { Dialog, DialogFooter } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { Tooltip } from "@/components/ui/tooltip";
import { isUnsaved, mostTabs, titleOf, type Tab, type Tabs, type TabStore } from "@/features/sql/tabs/store";
import { cn } from "@/lib/cn";

interface Props {
  store: TabStore;
  tabs: Tabs;
  current: Tab;
  /** Shows another tab. */
  onShow: (tab: Tab) => void;
  onClosed: (tab: Tab) => void;
  running: (id: string) => boolean;
  onSaveAs: () => void;
}

/** What names a tab in the address. */
export const addressOf = (tab: Tab) => (tab.snippet ? { snippet: tab.snippet.id } : { tab: tab.id });

/** The open texts. A menu behind the current one renames, moves and closes; tabs are also dragged. */
export function TabBar({ store, tabs, current, onShow, onClosed, running, onSaveAs }: Props) {
  const [closing, setClosing] = useState<Tab[]>([]);
  const [renaming, setRenaming] = useState<Tab>();
  const [dragged, setDragged] = useState<string>();
  const full = tabs.tabs.length >= mostTabs;
  function close(list: Tab[]) {
    let next = current;
    for (const tab of list) {
      next = store.close(tab.id);
      onClosed(tab);
    }
    setClosing([]);
    onShow(next);
  }
  const ask = (list: Tab[]) => (list.some(isUnsaved) ? setClosing(list) : close(list));
  function drop(event: DragEvent, onto: Tab) {
    event.preventDefault();
    const places = tabs.tabs.map(({ id }) => id);
    if (dragged) store.move(dragged, places.indexOf(onto.id) - places.indexOf(dragged));
    setDragged(undefined);
  }
  const at = tabs.tabs.findIndex(({ id }) => id === current.id);
  return (
    <div className="flex min-w-0 flex-1 items-stretch">
      <nav aria-label="Open queries" className="flex min-w-0 overflow-x-auto">
        <ul className="flex">
          {tabs.tabs.map((tab) => {
            const open = tab.id === current.id;
            return (
              // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- dragging is one way to move it, the menu another
              <li
                key={tab.id}
                draggable
                onDragStart={() => setDragged(tab.id)}
                onDragOver={(event) => dragged && event.preventDefault()}
                onDrop={(event) => drop(event, tab)}
                className={cn("flex shrink-0 items-center border-r border-border", open ? "bg-background shadow-[inset_0_2px_0_var(--accent)]" : "text-muted")}
              >
                <Link
                  to="/projects/$ref/sql"
                  from="/projects/$ref/sql"
                  search={(old) => ({ panel: old.panel, find: old.find, which: old.which, ...addressOf(tab) })}
                  aria-current={open ? "page" : undefined}
                  onClick={() => store.show(tab.id)}
                  onDoubleClick={() => setRenaming(tab)}
                  className="flex h-full max-w-52 items-center gap-1.5 pr-1 pl-3 text-xs focus-visible:-outline-offset-2"
                >
                  <span className="truncate">{titleOf(tab)}</span>
                  {running(tab.id) && <span className="pulse size-1.5 shrink-0 rounded-full bg-accent" role="img" aria-label="at work" />}
                  {isUnsaved(tab) && <span className="size-1.5 shrink-0 rounded-full bg-warning" role="img" aria-label="not saved" />}
                </Link>
                <button type="button" aria-label={`Close ${titleOf(tab)}`} onClick={() => ask([tab])} className="mr-1 flex size-6 items-center justify-center rounded text-faint hover:bg-hover hover:text-foreground focus-visible:-outline-offset-2">
                  <X className="size-3.5" aria-hidden />
                </button>
              </li>
            );
          })}
        </ul>
      </nav>
      <Tooltip text={full ? `${mostTabs} tabs are the most. Close one first.` : "New tab"}>
        <Button variant="ghost" size="icon" className="h-full w-9 rounded-none" aria-label="New tab" aria-disabled={full} onClick={() => !full && onShow(store.add({}))}>
          <Plus />
        </Button>
      </Tooltip>
      <Menu>
        <MenuTrigger asChild>
          <Button variant="ghost" size="icon" className="h-full w-9 rounded-none" aria-label="More about this tab">
            <Ellipsis />
          </Button>
        </MenuTrigger>
        <MenuContent>
          <MenuItem onSelect={() => setRenaming(current)}>Rename</MenuItem>
          <MenuItem disabled={full} onSelect={() => onShow(store.add({ text: current.text, as: current.as }))}>
            Duplicate
          </MenuItem>
          <MenuItem disabled={!current.text.trim()} onSelect={onSaveAs}>
            Save as another snippet
          </MenuItem>
          <MenuSeparator />
          <MenuItem disabled={at === 0} onSelect={() => store.move(current.id, -1)}>
            Move left
          </MenuItem>
          <MenuItem disabled={at === tabs.tabs.length - 1} onSelect={() => store.move(current.id, 1)}>
            Move right
          </MenuItem>
          <MenuSeparator />
          <MenuItem onSelect={() => ask([current])}>Close</MenuItem>
          <MenuItem disabled={tabs.tabs.length === 1} onSelect={() => ask(tabs.tabs.filter(({ id }) => id !== current.id))}>
            Close others
          </MenuItem>
        </MenuContent>
      </Menu>
      <Confirm open={closing.length > 0} onOpenChange={() => setClosing([])} title="Close without saving" verb="Close without saving" onConfirm={() => close(closing)}>
        {closing.length === 1 ? `What is written in “${titleOf(closing[0]!)}” is in no snippet` : `What is written in ${closing.filter(isUnsaved).length} of these tabs is in no snippet`}, and is gone when the tab is closed.
      </Confirm>
      {renaming && <RenameDialog tab={renaming} onClose={() => setRenaming(undefined)} onRename={(title) => store.change(renaming.id, { title })} />}
    </div>
  );
}

function RenameDialog({ tab, onRename, onClose }: { tab: Tab; onRename: (title: string) => void; onClose: () => void }) {
  const [title, setTitle] = useState(tab.title || (tab.snippet ? tab.snippet.name : ""));
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Rename tab" description="A tab without a name is called by how its text begins.">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onRename(title.trim());
          onClose();
        }}
      >
        <Field label="Name">
          <Input value={title} maxLength={80} onChange={(event) => setTitle(event.target.value)} autoFocus autoComplete="off" />
        </Field>
        <DialogFooter>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary">
            Rename
          </Button>
        </DialogFooter>
      </form>
    </Dialog>
  );
}
