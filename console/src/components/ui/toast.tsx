import { X } from "lucide-react";
import { createContext, useCallback, useContext, useEffect, useRef, useState, type ReactNode } from "react";
import { Button } from "@/components/ui/button";

interface Message {
  id: number;
  text: ReactNode;
  /** Takes the change back. */
  undo?: () => void;
}

/** Milliseconds that a message stays, unless somebody is at it. */
const stays = 5000;
const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const typed = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true]";

const context = createContext<(text: ReactNode, undo?: () => void) => void>(() => {});

/** Says that something was done, for a few seconds. Errors stand where they happened instead. */
export const useToast = () => useContext(context);

export function ToastProvider({ children }: { children: ReactNode }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const [held, setHeld] = useState(false);
  const region = useRef<HTMLElement>(null);
  const from = useRef<Element>(null);
  const newest = messages.findLast(({ undo }) => undo);
  const show = useCallback((text: ReactNode, undo?: () => void) => {
    setMessages((all) => [...all.slice(-2), { id: Date.now() + Math.random(), text, undo }]);
  }, []);
  const drop = useCallback((id: number) => {
    if (region.current?.contains(document.activeElement)) back(from.current);
    setHeld(false); // what is gone is not left by pointer or focus
    setMessages((all) => all.filter((message) => message.id !== id));
  }, []);
  const takeBack = useCallback(
    (message: Message) => {
      drop(message.id);
      message.undo?.();
    },
    [drop],
  );

  useEffect(() => {
    // Before dialogs hear of it, of which the topmost takes Escape.
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as Element;
      const within = region.current?.contains(target);
      const undoes = event.key.toLowerCase() === "z" && (apple ? event.metaKey : event.ctrlKey) && !event.shiftKey && !event.altKey && !target.closest(typed);
      if (event.key === "F8" && messages.length > 0) region.current?.querySelector<HTMLElement>("li:last-child button")?.focus();
      else if (event.key === "Escape" && within) drop(Number(target.closest("li")?.dataset.id));
      else if (undoes && newest) takeBack(newest);
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, [messages, newest, drop, takeBack]);

  useEffect(() => {
    const box = region.current!;
    const onFocus = (event: FocusEvent) => {
      const other = event.relatedTarget as Element | null;
      if (event.type === "focusin" && !box.contains(other)) from.current = other;
      setHeld(event.type === "focusin" || box.contains(other));
    };
    // Heard after all fields of the page, and before dialogs, which hold the focus: they do not hear that it leaves them for here.
    const onLeave = (event: FocusEvent) => {
      if (box.contains(event.relatedTarget as Element | null)) event.stopImmediatePropagation();
    };
    const keep = (event: Event) => event.stopPropagation();
    box.addEventListener("focusin", onFocus);
    box.addEventListener("focusout", onFocus);
    // Nor what is done here: what is pressed outside of them closes them.
    const kept = ["focusin", "pointerdown"];
    for (const name of kept) box.addEventListener(name, keep);
    document.addEventListener("focusout", onLeave);
    return () => {
      box.removeEventListener("focusin", onFocus);
      box.removeEventListener("focusout", onFocus);
      for (const name of kept) box.removeEventListener(name, keep);
      document.removeEventListener("focusout", onLeave);
    };
  }, []);

  return (
    <context.Provider value={show}>
      {children}
      {/* Above the bars at the foot of pages and sheets. An open dialog hides the page from screen readers, but no live region: Undo stays reachable. */}
      <section ref={region} aria-label="Notifications (F8)" className="pointer-events-none fixed right-4 bottom-16 z-[60] w-[calc(100vw-32px)] max-w-sm">
        <ol aria-live="polite" aria-relevant="additions" className="flex flex-col gap-2" onPointerEnter={() => setHeld(true)} onPointerLeave={() => setHeld(false)}>
          {messages.map((message) => (
            <Toast key={message.id} message={message} held={held} byKey={message === newest} onUndo={takeBack} onDrop={drop} />
          ))}
        </ol>
      </section>
    </context.Provider>
  );
}

/** Gives the focus back to what had it, where that is still there. */
function back(to: Element | null) {
  if (to instanceof HTMLElement && to.isConnected) to.focus();
}

interface ToastProps {
  message: Message;
  held: boolean;
  /** Whether the keys for Undo take back this one. */
  byKey: boolean;
  onUndo: (message: Message) => void;
  onDrop: (id: number) => void;
}

function Toast({ message, held, byKey, onUndo, onDrop }: ToastProps) {
  const { id } = message;
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => onDrop(id), stays);
    return () => clearTimeout(timer);
  }, [held, id, onDrop]);
  return (
    <li data-id={id} className="enter pointer-events-auto flex items-center gap-3 rounded-md border border-border bg-raised py-2 pr-2 pl-3 text-sm">
      <span className="flex-1">{message.text}</span>
      {message.undo && (
        <Button size="small" aria-keyshortcuts={byKey ? (apple ? "Meta+Z" : "Control+Z") : undefined} onClick={() => onUndo(message)}>
          Undo
          {byKey && (
            <kbd aria-hidden className="font-mono text-xs text-muted max-sm:hidden">
              {apple ? "⌘Z" : "Ctrl Z"}
            </kbd>
          )}
        </Button>
      )}
      <Button variant="ghost" size="small-icon" aria-label="Dismiss" onClick={() => onDrop(id)}>
        <X />
      </Button>
    </li>
  );
}
