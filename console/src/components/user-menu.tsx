import { useNavigate } from "@tanstack/react-router";
import { Blocks, LogOut, UserRound } from "lucide-react";
import { Menu, MenuChoice, MenuChoices, MenuContent, MenuItem, MenuLabel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { useApp } from "@/lib/app";
import { useAccount } from "@/lib/organization";
import { setTheme, useTheme, type Theme } from "@/lib/theme";

/** Opens at once: it is loaded when it is first asked for. */
export default function UserMenu({ className, initial }: { className: string; initial: string }) {
  const { accounts, config } = useApp();
  const account = useAccount().data;
  const navigate = useNavigate();
  const theme = useTheme();
  async function signOut() {
    await accounts.signOut();
    window.location.assign("/sign-in"); // loaded anew: nothing of the account stays in memory
  }
  return (
    <Menu defaultOpen>
      <MenuTrigger aria-label="Account menu" className={className}>
        {initial}
      </MenuTrigger>
      <MenuContent align="end" className="w-60">
        <div className="px-2 py-1.5">
          <p className="truncate text-sm font-medium">{account?.name || account?.email || "Signed in"}</p>
          {account?.name && <p className="truncate text-xs text-muted">{account.email}</p>}
        </div>
        <MenuSeparator />
        <MenuItem onSelect={() => void navigate({ to: "/account" })}>
          <UserRound aria-hidden /> Account
        </MenuItem>
        {account?.operator && (
          <MenuItem onSelect={() => void navigate({ to: "/operator/clusters" })}>
            <Blocks aria-hidden /> Operator
          </MenuItem>
        )}
        <MenuSeparator />
        <MenuLabel>Theme</MenuLabel>
        <MenuChoices value={theme} onValueChange={(value) => setTheme(value as Theme)}>
          <MenuChoice value="light">Light</MenuChoice>
          <MenuChoice value="dark">Dark</MenuChoice>
          <MenuChoice value="system">System</MenuChoice>
        </MenuChoices>
        <MenuSeparator />
        <MenuItem onSelect={() => void signOut()}>
          <LogOut aria-hidden /> Sign out
        </MenuItem>
        <p className="px-2 pt-1 pb-1.5 font-mono text-xs text-faint">Fluxbase {config.version}</p>
      </MenuContent>
    </Menu>
  );
}
