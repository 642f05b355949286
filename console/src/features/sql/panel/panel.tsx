import { BookText, Clock, FolderHeart, X, type LucideIcon } from "lucide-react";
import { useSyncExternalStore, type ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";

export type PanelName = "snippets" | "history" | "templates";

export const panels: { name: PanelName; words: string; icon: LucideIcon }[] = [
  { name: "snippets", words: "Snippets", icon: FolderHeart },
  { name: "history", words: "History", icon: Clock },
  { name: "templates", words: "Templates", icon: BookText },
];

const wide = matchMedia("(min-width: 1024px)");
const subscribe = (listener: () => void) => {
  wide.addEventListener("change", listener);
  return () => wide.removeEventListener("change", listener);
};
export const useWide = (): boolean => useSyncExternalStore(subscribe, () => wide.matches);

interface Props {
  open: PanelName;
  onClose: () => void;
  children: ReactNode;
}

/** What stands beside the editor, or over it where there is no room. */
export function Panel({ open, onClose, children }: Props) {
  const words = panels.find(({ name }) => name === open)!.words;
  if (!useWide()) {
    return (
      <Sheet open onOpenChange={(next) => !next && onClose()} title={words}>
        <div className="flex h-full min-h-0 flex-col">{children}</div>
      </Sheet>
    );
  }
  return (
    <aside aria-label={words} className="flex w-72 shrink-0 flex-col gap-2 border-r border-border p-3">
      <div className="flex items-center">
        <h2 className="flex-1 text-sm font-medium">{words}</h2>
        <Button variant="ghost" size="small-icon" aria-label={`Close ${words.toLowerCase()}`} onClick={onClose}>
          <X />
        </Button>
      </div>
      {children}
    </aside>
  );
}

/** Opens and closes what stands beside the editor. */
export function PanelButtons({ open, onChange }: { open: PanelName | undefined; onChange: (open: PanelName | undefined) => void }) {
  return (
    <div role="group" aria-label="Beside the editor" className="flex shrink-0 items-center gap-0.5 border-r border-border px-1.5">
      {panels.map(({ name, words, icon: Icon }) => (
        <Button
          key={name}
          size="small"
          variant="ghost"
          aria-label={words}
          title={words}
          aria-pressed={open === name}
          onClick={() => onChange(open === name ? undefined : name)}
          className="aria-pressed:bg-hover aria-pressed:text-foreground @max-[860px]:px-1.5"
        >
          <Icon aria-hidden /> <span className="@max-[860px]:hidden">{words}</span>
        </Button>
      ))}
    </div>
  );
}
