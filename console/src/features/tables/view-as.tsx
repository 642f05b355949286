import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Check, ChevronDown, VenetianMask } from "lucide-react";
import { useState, type ReactNode } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { useAs, userOf } from "@/features/tables/as";
import { useAuthAdmin } from "@/lib/auth-admin";
import { cn } from "@/lib/cn";
import { useHere } from "@/lib/project-data";

interface Props {
  who: string | undefined;
  onChange: (who: string | undefined) => void;
}

const roles = [
  { who: undefined, name: "Owner", about: "postgres: sees and changes everything" },
  { who: "anon", name: "Anonymous", about: "anon: requests without a user" },
  { who: "service_role", name: "Service role", about: "secret keys: policies do not hold it" },
];

/** As whom rows are read and changed, so that policies can be seen at work. */
export function ViewAs({ who, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const { email } = useAs(who);
  const name = userOf(who) ? (email ?? "User") : (roles.find((each) => each.who === who)?.name ?? "Owner");
  const choose = (next: string | undefined) => {
    setOpen(false);
    onChange(next);
  };
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger asChild>
        <Button className={cn("max-w-56 @max-[640px]:max-w-28 @max-[640px]:min-w-0 @max-[640px]:shrink @max-[640px]:px-2", who && "border-accent text-accent")} aria-label={`View as: ${name}`}>
          <VenetianMask aria-hidden />
          <span className={cn("truncate", !who && "@max-[640px]:sr-only")}>{who ? name : "View as"}</span>
          <ChevronDown aria-hidden className="text-faint @max-[640px]:hidden" />
        </Button>
      </PopoverTrigger>
      <PopoverContent className="w-[340px] p-1.5" align="end" aria-label="View as">
        <ul className="flex flex-col">
          {roles.map((each) => (
            <Choice key={each.name} chosen={each.who === who} onClick={() => choose(each.who)} name={each.name} about={each.about} />
          ))}
        </ul>
        <UserSearch who={who} onChoose={choose} />
      </PopoverContent>
    </Popover>
  );
}

function Choice({ chosen, onClick, name, about }: { chosen: boolean; onClick: () => void; name: ReactNode; about: ReactNode }) {
  return (
    <li>
      <button type="button" aria-pressed={chosen} onClick={onClick} className="flex w-full items-center gap-2 rounded px-2 py-1.5 text-left hover:bg-hover">
        <span className="min-w-0 flex-1">
          <span className="block truncate">{name}</span>
          <span className="block truncate text-xs text-muted">{about}</span>
        </span>
        {chosen && <Check className="size-4 text-accent" aria-hidden />}
      </button>
    </li>
  );
}

function UserSearch({ who, onChoose }: { who: string | undefined; onChoose: (who: string) => void }) {
  const { project } = useHere();
  const admin = useAuthAdmin(project.ref, project.pathUrl);
  const [text, setText] = useState("");
  const users = useQuery({
    queryKey: ["auth", project.ref, "users", "list", 1, text, "few"],
    queryFn: ({ signal }) => admin.users(1, 8, text, signal),
    placeholderData: keepPreviousData,
  });
  return (
    <div className="mt-1 border-t border-border pt-1.5">
      <p className="px-2 pb-1 text-xs text-muted">A signed-in user, with their claims</p>
      <div className="px-1.5 pb-1">
        <Input type="search" aria-label="Search users" placeholder="Email, phone or id" value={text} onChange={(event) => setText(event.target.value)} />
      </div>
      {users.isError && <ErrorState error={users.error} what="The users could not be loaded" onRetry={() => void users.refetch()} />}
      <ul className="flex max-h-56 flex-col overflow-y-auto">
        {users.data?.items.map((user) => (
          <Choice key={user.id} chosen={userOf(who) === user.id} onClick={() => onChoose(`user:${user.id}`)} name={user.email || user.phone || "Without address"} about={<span className="font-mono">{user.id}</span>} />
        ))}
        {users.data?.items.length === 0 && <li className="px-2 py-1 text-xs text-muted">{text ? "No user matches." : "Nobody has signed up yet."}</li>}
      </ul>
    </div>
  );
}
