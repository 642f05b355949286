import { Command } from "cmdk";
import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

/** Items of the command menu that belong together. */
export function Group({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={name}
      className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-faint"
    >
      {children}
    </Command.Group>
  );
}

export function Item({ icon: Icon, value, onSelect, children }: { icon: LucideIcon; value: string; onSelect: () => void; children: ReactNode }) {
  return (
    <Command.Item value={value} onSelect={onSelect} className="flex h-9 items-center gap-2.5 rounded px-2 text-sm data-[selected=true]:bg-hover">
      <Icon className="size-4 shrink-0 text-faint" aria-hidden />
      {children}
    </Command.Item>
  );
}
