import { X } from "lucide-react";
import { Toast as Primitive } from "radix-ui";
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";
import { Button } from "@/components/ui/button";

interface Message {
  id: number;
  text: ReactNode;
  /** Takes the change back. */
  undo?: () => void;
}

const context = createContext<(text: ReactNode, undo?: () => void) => void>(() => {});

/** Says that something was done, for a few seconds. Errors stand where they happened instead. */
export const useToast = () => useContext(context);

export function ToastProvider({ children }: { children: ReactNode }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const show = useCallback((text: ReactNode, undo?: () => void) => {
    setMessages((all) => [...all.slice(-2), { id: Date.now() + Math.random(), text, undo }]);
  }, []);
  const drop = (id: number) => setMessages((all) => all.filter((message) => message.id !== id));
  const value = useMemo(() => show, [show]);
  return (
    <context.Provider value={value}>
      <Primitive.Provider duration={5000} swipeDirection="right">
        {children}
        {messages.map((message) => (
          <Primitive.Root
            key={message.id}
            onOpenChange={(open) => !open && drop(message.id)}
            className="enter flex items-center gap-3 rounded-md border border-border bg-raised py-2 pr-2 pl-3 text-sm"
          >
            <Primitive.Description className="flex-1">{message.text}</Primitive.Description>
            {message.undo && (
              <Primitive.Action asChild altText="Undo the change">
                <Button size="small" onClick={message.undo}>
                  Undo
                </Button>
              </Primitive.Action>
            )}
            <Primitive.Close asChild>
              <Button variant="ghost" size="small-icon" aria-label="Dismiss">
                <X />
              </Button>
            </Primitive.Close>
          </Primitive.Root>
        ))}
        {/* Above the bars at the foot of pages and sheets. An open dialog hides the page from screen readers, but no live region: this is one, so that
            Undo stays reachable; each toast is told by itself. */}
        <Primitive.Viewport aria-live="off" className="fixed right-4 bottom-16 z-[60] flex w-[calc(100vw-32px)] max-w-sm flex-col gap-2 outline-none" />
      </Primitive.Provider>
    </context.Provider>
  );
}
