import { useMutation } from "@tanstack/react-query";
import { Ban, Ellipsis, KeyRound, Link2, Mail, Pencil, Trash2, UserCheck, VenetianMask } from "lucide-react";
import { useState } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { useToast } from "@/components/ui/toast";
import { useServed } from "@/features/project-auth/project";
import { BanDialog, DeleteUserDialog, EditUserDialog, PasswordDialog } from "@/features/users/dialogs";
import { ImpersonateDialog, LinkDialog } from "@/features/users/tokens";
import { isBanned } from "@/features/users/user";
import type { User } from "@/lib/auth-admin";

export interface DialogProps {
  user: User;
  onClose: () => void;
  onChanged: () => Promise<unknown>;
}

interface Props {
  user: User;
  onChanged: () => Promise<unknown>;
  onDeleted: () => void;
}

type Open = "edit" | "password" | "ban" | "delete" | "impersonate" | "link";

/** What can be done to a user. */
export function UserActions({ user, onChanged, onDeleted }: Props) {
  const { admin } = useServed();
  const toast = useToast();
  const [open, setOpen] = useState<Open>();
  const send = useMutation({
    mutationFn: (kind: "recover" | "magiclink") => admin.send(kind, user.email!),
    onSuccess: () => toast(`A mail goes to ${user.email}.`),
  });
  const unban = useMutation({
    mutationFn: () => admin.updateUser(user.id, { ban_duration: "none" }),
    onSuccess: async () => {
      await onChanged();
      toast("The user may sign in again.");
    },
  });
  const failed = send.error ?? unban.error;
  const dialog = { user, onChanged, onClose: () => setOpen(undefined) };
  const gone = Boolean(user.deleted_at);
  return (
    <>
      {failed ? <ErrorState error={failed} className="w-full" /> : null}
      <Button size="small" disabled={gone} onClick={() => setOpen("edit")}>
        <Pencil aria-hidden /> Edit
      </Button>
      <Menu>
        <MenuTrigger asChild>
          <Button size="small-icon" aria-label="More actions" busy={send.isPending || unban.isPending}>
            <Ellipsis />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuItem disabled={!user.email || gone} onSelect={() => send.mutate("recover")}>
            <Mail aria-hidden /> Send password recovery
          </MenuItem>
          <MenuItem disabled={!user.email || gone} onSelect={() => send.mutate("magiclink")}>
            <Mail aria-hidden /> Send magic link
          </MenuItem>
          <MenuItem disabled={!user.email || gone} onSelect={() => setOpen("link")}>
            <Link2 aria-hidden /> Make a link
          </MenuItem>
          <MenuItem disabled={gone} onSelect={() => setOpen("password")}>
            <KeyRound aria-hidden /> Set password
          </MenuItem>
          <MenuItem disabled={gone} onSelect={() => setOpen("impersonate")}>
            <VenetianMask aria-hidden /> Impersonate
          </MenuItem>
          <MenuSeparator />
          {isBanned(user) ? (
            <MenuItem onSelect={() => unban.mutate()}>
              <UserCheck aria-hidden /> Lift the ban
            </MenuItem>
          ) : (
            <MenuItem disabled={gone} onSelect={() => setOpen("ban")}>
              <Ban aria-hidden /> Ban user
            </MenuItem>
          )}
          <MenuItem danger onSelect={() => setOpen("delete")}>
            <Trash2 aria-hidden /> Delete user
          </MenuItem>
        </MenuContent>
      </Menu>
      {open === "edit" && <EditUserDialog {...dialog} />}
      {open === "password" && <PasswordDialog {...dialog} />}
      {open === "ban" && <BanDialog {...dialog} />}
      {open === "delete" && <DeleteUserDialog {...dialog} onDeleted={onDeleted} />}
      {open === "impersonate" && <ImpersonateDialog {...dialog} />}
      {open === "link" && <LinkDialog {...dialog} />}
    </>
  );
}
