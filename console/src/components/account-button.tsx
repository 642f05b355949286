import { lazy, Suspense, useState } from "react";
import { useAccount } from "@/lib/organization";

const load = () => import("@/components/user-menu");
const UserMenu = lazy(load);
const look = "flex size-8 shrink-0 items-center justify-center rounded-full border border-border bg-surface text-xs font-medium hover:bg-hover data-[state=open]:bg-hover";

/** Opens the account's menu, which is loaded as soon as it may be wanted. */
export function AccountButton() {
  const account = useAccount().data;
  const [wanted, setWanted] = useState(false);
  const initial = (account?.name || account?.email || "?").slice(0, 1).toUpperCase();
  const button = (
    <button type="button" aria-label="Account menu" aria-haspopup="menu" className={look} onPointerEnter={() => void load()} onFocus={() => void load()} onClick={() => setWanted(true)}>
      {initial}
    </button>
  );
  if (!wanted) return button;
  return (
    <Suspense fallback={button}>
      <UserMenu className={look} initial={initial} />
    </Suspense>
  );
}
