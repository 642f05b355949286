import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { CircleCheck, RotateCw } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { ErrorState } from "@/components/error-state";
import { FilterInput } from "@/components/filter-input";
import { NumberedPager } from "@/components/numbered-pager";
import { Page } from "@/components/page";
import { ProjectData } from "@/components/project-page";
import { SqlReview } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { Tooltip } from "@/components/ui/tooltip";
import { AdviceGroups } from "@/features/advisors/findings";
import { choose, group, levels } from "@/features/advisors/groups";
import { IgnoreDialog } from "@/features/advisors/ignore";
import { useIgnored } from "@/features/advisors/ignored";
import { Tabs } from "@/features/advisors/tabs";
import type { Advice } from "@/lib/catalog";
import { ago, counted } from "@/lib/format";
import { useCatalog, useHere } from "@/lib/project-data";

const route = getRouteApi("/app/projects/$ref/advisors");

const pageSize = 50;

export function AdvisorsPage() {
  return (
    <ProjectData title="Advisors">
      <Advisors />
    </ProjectData>
  );
}

function Advisors() {
  const { project } = useHere();
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref/advisors" });
  const toast = useToast();
  const advice = useCatalog("advice");
  const { ignored, ignore, tell } = useIgnored(project.ref);
  const [fixed, setFixed] = useState<Advice>();
  const [dropped, setDropped] = useState<Advice>();
  const category = search.tab ?? "security";
  const page = search.page ?? 1;
  const change = useCallback((next: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, page: undefined, ...next }), replace: true }), [navigate]);
  const filter = useCallback((text: string) => change({ filter: text || undefined }), [change]);
  const shown = useMemo(
    () => choose(advice.data ?? [], { category, level: search.level, filter: search.filter, shown: (key) => Boolean(search.ignored) === key in ignored }),
    [advice.data, category, search.level, search.filter, search.ignored, ignored],
  );
  const open = (of: Advice["category"]) => (advice.data ?? []).filter((each) => each.category === of && !(each.key in ignored));
  const hidden = (advice.data ?? []).filter((each) => each.category === category && each.key in ignored).length;
  const narrowed = Boolean(search.filter || search.level);
  const groups = useMemo(() => group(shown.slice((page - 1) * pageSize, page * pageSize)), [shown, page]);
  return (
    <Page
      title="Advisors"
      about="What is unsafe or slow in the database, and how to mend it."
      action={
        <Tooltip text={advice.dataUpdatedAt ? `Looked ${ago(new Date(advice.dataUpdatedAt))}` : undefined}>
          <Button onClick={() => void advice.refetch()} busy={advice.isFetching}>
            {!advice.isFetching && <RotateCw aria-hidden />} Look again
          </Button>
        </Tooltip>
      }
    >
      <Tabs
        label="Kind of advice"
        value={category}
        onChange={(next) => change({ tab: next === "security" ? undefined : "performance", level: undefined })}
        tabs={[
          { value: "security", name: "Security", count: advice.data && open("security").length },
          { value: "performance", name: "Performance", count: advice.data && open("performance").length },
        ]}
      />
      <div className="flex flex-wrap items-center gap-2">
        <FilterInput value={search.filter ?? ""} onChange={filter} label="Filter by object or rule" />
        <Select aria-label="Level" className="w-40 max-sm:w-full" value={search.level ?? ""} onChange={(event) => change({ level: (event.target.value || undefined) as Advice["level"] | undefined })}>
          <option value="">All levels</option>
          {levels.map((level) => (
            <option key={level} value={level}>
              {levelName[level]}
            </option>
          ))}
        </Select>
        {(hidden > 0 || search.ignored) && (
          <Button variant="ghost" aria-pressed={Boolean(search.ignored)} onClick={() => change({ ignored: search.ignored ? undefined : true })}>
            {search.ignored ? "Show what is open" : `${counted(hidden, "ignored", "ignored")}`}
          </Button>
        )}
      </div>
      {advice.isPending && <SkeletonRows rows={6} label="Looking at the database" />}
      {advice.isError && <ErrorState error={advice.error} what="The database could not be looked at" onRetry={() => void advice.refetch()} retrying={advice.isFetching} />}
      {advice.data && shown.length === 0 && <Nothing category={category} narrowed={narrowed} ignored={Boolean(search.ignored)} hidden={hidden} />}
      <AdviceGroups groups={groups} projectRef={project.ref} ignored={ignored} onFix={setFixed} onIgnore={setDropped} onTell={tell} />
      {shown.length > pageSize && <NumberedPager page={page} size={pageSize} shown={Math.min(pageSize, shown.length - (page - 1) * pageSize)} total={shown.length} what="finding" go={(next) => change({ page: next > 1 ? next : undefined })} />}
      {fixed && (
        <SqlReview
          open
          title={`Fix: ${fixed.title.toLowerCase()}`}
          sql={fixed.fix!}
          name={`fix ${fixed.rule} of ${fixed.object ?? "the database"}`}
          about={fixed.detail}
          verb="Run fix"
          done="The fix ran."
          unrecorded={/^(vacuum|analyze|reindex)\b/.test(fixed.fix!)}
          onDone={() => setFixed(undefined)}
          onClose={() => setFixed(undefined)}
        />
      )}
      {dropped && (
        <IgnoreDialog
          advice={dropped}
          onClose={() => setDropped(undefined)}
          onIgnore={(reason) => {
            ignore(dropped.key, reason);
            setDropped(undefined);
            toast("It is ignored in this browser.", () => tell(dropped.key));
          }}
        />
      )}
    </Page>
  );
}

const levelName = { error: "Errors", warning: "Warnings", info: "Information" } as const;

function Nothing({ category, narrowed, ignored, hidden }: { category: Advice["category"]; narrowed: boolean; ignored: boolean; hidden: number }) {
  if (narrowed) return <Plain title="No finding matches">The filter looks at rules, objects and what is told of them.</Plain>;
  if (ignored) return <Plain title="Nothing is ignored here">Findings that you ignore stand here, with your reason.</Plain>;
  return (
    <div className="flex flex-col items-center gap-3 rounded-md border border-success/30 bg-success-soft px-4 py-10 text-center">
      <CircleCheck className="size-8 text-success" aria-hidden />
      <div>
        <p className="text-base font-medium">All clear</p>
        <p className="mt-1 max-w-prose text-sm text-muted">
          {category === "security" ? "Every rule about security was tried on every table, view, policy and function, and found nothing." : "Every rule about speed was tried on every table, key, index and policy, and found nothing."}
          {hidden > 0 && ` ${counted(hidden, "finding is", "findings are")} ignored in this browser.`}
        </p>
      </div>
    </div>
  );
}

function Plain({ title, children }: { title: string; children: string }) {
  return (
    <div className="rounded-md border border-dashed border-border px-4 py-8 sm:text-center">
      <p className="text-base font-medium">{title}</p>
      <p className="mt-1 text-sm text-muted">{children}</p>
    </div>
  );
}
