import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { ToggleGroup } from "radix-ui";
import { ErrorState } from "@/components/error-state";
import { Section } from "@/components/page";
import { Select } from "@/components/ui/input";
import { Charts } from "@/features/project/activity/charts";
import { appServices, serviceName, useMetrics, useSpan } from "@/features/project/activity/measures";
import { ranges, usualRange, type RangeId } from "@/features/project/activity/range";
import { Services } from "@/features/project/activity/services";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { dateOf } from "@/lib/format";

const route = getRouteApi("/app/projects/$ref/");

/** How the project does over time, as a whole and by service. */
export function Activity({ project }: { project: Project }) {
  const { range = usualRange(dateOf(project.createTime)), service } = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$ref" });
  const { span, now } = useSpan(range);
  const metrics = useMetrics(project.ref, span, service ? [service] : appServices);
  const choose = (search: { range?: RangeId; service?: string }) =>
    void navigate({ search: (old) => ({ ...old, ...search }), replace: true, resetScroll: false });
  const setService = (next: string | undefined) => choose({ service: next });
  return (
    <Section
      title="Activity"
      about="A few seconds behind."
      action={
        <div className="flex flex-wrap items-center gap-2">
          <Select aria-label="Service" className="w-40" value={service ?? ""} onChange={(event) => setService(event.target.value || undefined)}>
            <option value="">All of the app</option>
            {[...appServices, "meta"].filter((each) => each !== "graphql" || service === each).map((each) => (
              <option key={each} value={each}>
                {serviceName[each]}
              </option>
            ))}
          </Select>
          <ToggleGroup.Root
            type="single"
            aria-label="Time"
            value={range}
            onValueChange={(next) => next && choose({ range: next as RangeId })}
            className="flex h-8 overflow-hidden rounded-md border border-border"
          >
            {ranges.map(({ id, name }) => (
              <ToggleGroup.Item
                key={id}
                value={id}
                aria-label={name}
                className="px-2.5 text-sm text-muted not-first:border-l not-first:border-border hover:bg-hover focus-visible:-outline-offset-2 data-[state=on]:bg-hover data-[state=on]:font-medium data-[state=on]:text-foreground"
              >
                {id}
              </ToggleGroup.Item>
            ))}
          </ToggleGroup.Root>
        </div>
      }
    >
      {metrics.isError && <ErrorState error={metrics.error} what="The measures could not be loaded" onRetry={() => void metrics.refetch()} retrying={metrics.isFetching} />}
      {(metrics.data || !metrics.isError) && <Charts answer={metrics.data} span={span} now={now} loading={metrics.isPending} service={service} />}
      <Services project={project} span={span} chosen={service} onChoose={setService} />
    </Section>
  );
}
