import { Dialog } from "radix-ui";
import type { useArea } from "@/components/navigation";
import { Sidebar } from "@/components/sidebar";
import { OrganizationSwitcher } from "@/components/switcher";
import { useReturnFocus } from "@/components/ui/return-focus";

/** The sidebar of narrow screens, over the page. */
export default function Drawer({ where, onClose }: { where: ReturnType<typeof useArea>; onClose: () => void }) {
  const onClosed = useReturnFocus();
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="enter fixed inset-0 z-40 bg-black/40 dark:bg-black/60" />
        <Dialog.Content onCloseAutoFocus={onClosed} className="enter-left fixed inset-y-0 left-0 z-50 w-64 overflow-y-auto border-r border-border bg-raised p-1" aria-describedby={undefined}>
          <Dialog.Title className="sr-only">Navigation</Dialog.Title>
          {where.ref && (
            <div className="border-b border-border p-2">
              <OrganizationSwitcher slug={where.slug} className="w-full justify-between" />
            </div>
          )}
          {where.area && <Sidebar area={where.area} onChosen={onClose} />}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
