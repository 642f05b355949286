import { Link } from "@tanstack/react-router";
import { EyeOff, Wrench } from "lucide-react";
import type { ReactNode } from "react";
import { Time } from "@/components/time";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import type { AdviceGroup } from "@/features/advisors/groups";
import type { Ignored } from "@/features/advisors/ignored";
import type { Advice } from "@/lib/catalog";
import { moveByArrows } from "@/lib/rows";

const looks: Record<Advice["level"], { tone: Tone; name: string }> = {
  error: { tone: "danger", name: "Error" },
  warning: { tone: "warning", name: "Warning" },
  info: { tone: "neutral", name: "Info" },
};

interface Props {
  groups: AdviceGroup[];
  projectRef: string;
  ignored: Ignored;
  onFix: (advice: Advice) => void;
  onIgnore: (advice: Advice) => void;
  onTell: (key: string) => void;
}

/** Findings under what their rule says of them. */
export function AdviceGroups({ groups, ...rest }: Props) {
  return groups.map((group) => (
    <section key={group.rule} aria-label={group.title} className="overflow-hidden rounded-md border border-border">
      <header className="border-b border-border bg-surface px-4 py-3">
        <h2 className="text-sm font-semibold">{group.title}</h2>
        <p className="mt-0.5 max-w-[90ch] text-sm text-muted">{group.explanation}</p>
      </header>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrows move between links in it */}
      <ul onKeyDown={moveByArrows}>
        {group.items.map((advice) => (
          <Finding key={advice.key} advice={advice} {...rest} />
        ))}
      </ul>
    </section>
  ));
}

function Finding({ advice, projectRef, ignored, onFix, onIgnore, onTell }: { advice: Advice } & Omit<Props, "groups">) {
  const why = ignored[advice.key];
  const name = advice.object ?? advice.title;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-border px-4 py-2.5 last:border-b-0">
      <span className="w-18 shrink-0">
        <Badge tone={looks[advice.level].tone}>{looks[advice.level].name}</Badge>
      </span>
      <div className="min-w-0 flex-1 basis-64">
        <p className="text-sm break-words">{advice.detail}</p>
        <p className="text-xs text-muted">
          <ObjectLink advice={advice} projectRef={projectRef} />
          {why && (
            <>
              {" "}
              · ignored <Time at={why.at} />: {why.reason}
            </>
          )}
        </p>
      </div>
      <div className="flex gap-2">
        {advice.fix ? (
          <Button size="small" aria-label={`Fix ${name}`} onClick={() => onFix(advice)}>
            <Wrench aria-hidden /> Fix
          </Button>
        ) : (
          <Tooltip text="Only a person can decide how.">
            <span className="self-center text-xs text-muted">By hand</span>
          </Tooltip>
        )}
        {why ? (
          <Button size="small" variant="ghost" aria-label={`Show ${name} again`} onClick={() => onTell(advice.key)}>
            Show again
          </Button>
        ) : (
          <Button size="small" variant="ghost" aria-label={`Ignore ${name}`} onClick={() => onIgnore(advice)}>
            <EyeOff aria-hidden /> Ignore
          </Button>
        )}
      </div>
    </li>
  );
}

const link = "text-accent underline-offset-2 hover:underline break-all";

/** Leads to where the object is worked with. */
function ObjectLink({ advice, projectRef: ref }: { advice: Advice; projectRef: string }) {
  const { schema, object, table, kind } = advice;
  if (!schema || !object) return null;
  const words = (text: ReactNode) => (
    <>
      {kind.replace("_", " ")} <span className="font-mono">{text}</span>
    </>
  );
  const label = words(schema === "public" ? object : `${schema}.${object}`);
  if (kind === "policy" && table) {
    return (
      <Link data-row className={link} to="/projects/$ref/database/policies/$schema/$table" params={{ ref, schema, table }} search={{ item: object, schema }}>
        {label}
      </Link>
    );
  }
  if (kind === "index") {
    return (
      <Link data-row className={link} to="/projects/$ref/database/indexes" params={{ ref }} search={{ filter: object, schema }}>
        {label}
      </Link>
    );
  }
  if (kind === "extension") {
    return (
      <Link data-row className={link} to="/projects/$ref/database/extensions" params={{ ref }} search={{ filter: object }}>
        {label}
      </Link>
    );
  }
  if (kind === "function") {
    return (
      <Link data-row className={link} to="/projects/$ref/database/functions" params={{ ref }} search={{ filter: object.slice(0, object.indexOf("(")), schema }}>
        {label}
      </Link>
    );
  }
  if (kind === "schema") {
    return (
      <Link data-row className={link} to="/projects/$ref/database/roles" params={{ ref }} search={{ schema }}>
        {label}
      </Link>
    );
  }
  if (table) {
    return (
      <Link
        data-row
        className={link}
        to="/projects/$ref/database/tables/$schema/$table"
        params={{ ref, schema, table }}
        search={{ schema, edit: kind === "constraint" ? "indexes" : kind === "view" || kind === "materialized_view" ? "view" : policies.has(advice.rule) ? "policies" : "table" }}
      >
        {label}
      </Link>
    );
  }
  return label;
}

/** Rules whose objects are mended in the sheet of policies. */
const policies = new Set(["rls_disabled_in_public", "rls_enabled_no_policy", "policy_exists_rls_disabled", "multiple_permissive_policies", "sensitive_columns_exposed"]);
