import { useMutation } from "@connectrpc/connect-query";
import { Check, ChevronRight, Circle, CircleAlert, LoaderCircle, RotateCw } from "lucide-react";
import { useState } from "react";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { ProjectService, ProjectStatus, StepStatus, type Project, type Step } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { counted, dateOf, took } from "@/lib/format";
import { useRefusal } from "@/lib/organization";
import { statusOf } from "@/lib/project";
import { useInvalidate } from "@/lib/queries";

/** The parts of the project's present job, live. When it is done a new project tells in a line how it went. */
export function Steps({ project }: { project: Project }) {
  const failed = project.status === ProjectStatus.FAILED;
  if (project.status === ProjectStatus.ACTIVE) return <Done project={project} />;
  if (!failed && !statusOf(project.status).moving) return null;
  const done = project.steps.filter((step) => step.status === StepStatus.DONE).length;
  return (
    <section aria-label="Progress" className="flex flex-col gap-3">
      <p className="sr-only" role="status">
        {statusOf(project.status).name}: {done} of {project.steps.length} steps done
      </p>
      {failed && <Failure project={project} />}
      <List project={project} />
    </section>
  );
}

function List({ project: { steps, status } }: { project: Project }) {
  return (
    <ol className="divide-y divide-border rounded-md border border-border">
      {steps.map((step) => (
        <Row key={step.name} step={step} status={status} />
      ))}
      {steps.length === 0 && (
        <li className="flex h-10 items-center gap-3 px-3 text-sm text-muted">
          <LoaderCircle className="turn size-4" aria-hidden /> Waiting for its turn
        </li>
      )}
    </ol>
  );
}

/** For how long after its creation a project tells of it. */
const news = 10 * 60_000;

function Done({ project }: { project: Project }) {
  const [young] = useState(() => Date.now() - (dateOf(project.createTime)?.getTime() ?? 0) < news);
  const starts = project.steps.flatMap((step) => dateOf(step.startTime)?.getTime() ?? []);
  const ends = project.steps.flatMap((step) => dateOf(step.finishTime)?.getTime() ?? []);
  // Resuming leaves steps too; only provisioning chooses a cluster.
  const provisioned = project.steps.some((step) => step.name === "cluster");
  if (!young || !provisioned || ends.length === 0) return null;
  return (
    <details className="group">
      <summary className="flex w-fit cursor-pointer list-none items-center gap-2 rounded text-sm text-muted">
        <Check className="size-4 text-success" aria-hidden />
        Provisioned in {took(Math.max(...ends) - Math.min(...starts))} · {counted(project.steps.length, "step")}
        <ChevronRight className="size-4 group-open:rotate-90" aria-hidden />
      </summary>
      <div className="mt-2">
        <List project={project} />
      </div>
    </details>
  );
}

const looks: Record<StepStatus, { icon: typeof Check; className: string; word: string }> = {
  [StepStatus.UNSPECIFIED]: { icon: Circle, className: "text-faint", word: "waiting" },
  [StepStatus.PENDING]: { icon: Circle, className: "text-faint", word: "waiting" },
  [StepStatus.RUNNING]: { icon: LoaderCircle, className: "turn text-accent", word: "running" },
  [StepStatus.DONE]: { icon: Check, className: "text-success", word: "done" },
  [StepStatus.RETRYING]: { icon: RotateCw, className: "text-warning", word: "trying again" },
  [StepStatus.FAILED]: { icon: CircleAlert, className: "text-danger", word: "failed" },
};

const words: Record<string, string> = {
  cluster: "Choose a cluster",
  roles: "Create roles",
  database: "Create the database",
  schema: "Create schemas",
  schemas: "Create schemas",
  migrations: "Bring its schemas up to date",
  bucket: "Create the bucket",
  keys: "Make keys",
  publish: "Tell the workers",
  stop: "Close its connections",
  start: "Let connections in",
  records: "Forget its records",
};

const purging: Record<string, string> = { database: "Remove the database", schema: "Remove its schemas", schemas: "Remove its schemas", bucket: "Remove the bucket" };

function Row({ step, status }: { step: Step; status: ProjectStatus }) {
  const { icon: Icon, className, word } = looks[step.status];
  const [start, finish] = [dateOf(step.startTime), dateOf(step.finishTime)];
  return (
    <li className="flex min-h-10 items-center gap-3 px-3 py-2 text-sm" data-step={step.name} data-status={word}>
      <Icon className={cn("size-4 shrink-0", className)} aria-hidden />
      <div className="min-w-0 flex-1">
        <span className={cn(step.status === StepStatus.PENDING && "text-muted")}>{(status === ProjectStatus.PURGING ? purging[step.name] : undefined) ?? words[step.name] ?? sentence(step.name)}</span>
        {step.message && <p className="text-xs text-muted break-words">{step.message}</p>}
      </div>
      <span className="text-xs text-muted tabular-nums">{start && finish && step.status === StepStatus.DONE ? took(finish.getTime() - start.getTime()) : word}</span>
    </li>
  );
}

function sentence(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function Failure({ project }: { project: Project }) {
  const refused = useRefusal(project.organization, "run_projects");
  const invalidate = useInvalidate();
  const retry = useMutation(ProjectService.method.retryProject, { onSuccess: () => invalidate(ProjectService.method.getProject) });
  return (
    <>
      <div role="alert" className="flex items-start gap-3 rounded-md border border-danger/40 bg-danger-soft px-3 py-2.5 text-sm">
        <CircleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
        <div className="min-w-0 flex-1">
          <p className="font-medium">The last job failed</p>
          <p className="text-muted break-words">{project.failureMessage || "No reason was recorded."}</p>
          {refused && <p className="text-xs text-muted">{refused}</p>}
        </div>
        <Button size="small" disabled={Boolean(refused)} busy={retry.isPending} onClick={() => retry.mutate({ ref: project.ref })}>
          Retry
        </Button>
      </div>
      {retry.isError && <ErrorState error={retry.error} what="The job was not queued again" />}
    </>
  );
}
