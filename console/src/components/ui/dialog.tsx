import { X } from "lucide-react";
import { Dialog as Primitive } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { useReturnFocus } from "@/components/ui/return-focus";
import { cn } from "@/lib/cn";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  children: ReactNode;
  className?: string;
}

/** The focus goes to the dialog itself, unless a field of it takes it: Tab leads on from there, and its title is read. */
function focusItself(event: Event) {
  event.preventDefault();
  (event.currentTarget as HTMLElement).focus();
}

const overlay = "fixed inset-0 z-40 bg-black/40 enter dark:bg-black/60";

function Head({ title, description }: Pick<Props, "title" | "description">) {
  return (
    <div className="flex items-start gap-4 border-b border-border px-4 py-3">
      <div className="min-w-0 flex-1">
        <Primitive.Title className="text-base font-semibold">{title}</Primitive.Title>
        {description ? (
          <Primitive.Description className="mt-0.5 text-sm text-muted">{description}</Primitive.Description>
        ) : (
          <Primitive.Description className="sr-only">{title}</Primitive.Description>
        )}
      </div>
      <Primitive.Close asChild>
        <Button variant="ghost" size="small-icon" aria-label="Close" className="-mr-1.5">
          <X />
        </Button>
      </Primitive.Close>
    </div>
  );
}

/** Mounted while it is open. */
function Content(props: ComponentProps<typeof Primitive.Content>) {
  return <Primitive.Content onOpenAutoFocus={focusItself} onCloseAutoFocus={useReturnFocus()} {...props} />;
}

/** A question or a short form above the page. */
export function Dialog({ open, onOpenChange, title, description, children, className }: Props) {
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className={overlay} />
        <Content
          className={cn(
            "enter fixed top-[max(12vh,16px)] left-1/2 z-50 max-h-[80vh] w-[calc(100vw-24px)] max-w-[480px] -translate-x-1/2 overflow-y-auto rounded-md border border-border bg-raised outline-none",
            className,
          )}
        >
          <Head title={title} description={description} />
          <div className="p-4">{children}</div>
        </Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

/** Details beside the page. */
export function Sheet({ open, onOpenChange, title, description, children, className }: Props) {
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className={overlay} />
        <Content
          className={cn("enter-right fixed inset-y-0 right-0 z-50 flex w-full max-w-[520px] flex-col border-l border-border bg-raised outline-none", className)}
        >
          <Head title={title} description={description} />
          <div className="flex-1 overflow-y-auto p-4">{children}</div>
        </Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

export function DialogFooter({ children }: { children: ReactNode }) {
  return <div className="mt-4 flex flex-wrap justify-end gap-2">{children}</div>;
}
