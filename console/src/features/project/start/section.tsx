import { Link } from "@tanstack/react-router";
import { Check, Circle, X } from "lucide-react";
import type { ReactNode } from "react";
import { ConnectButton } from "@/components/connect-button";
import { ErrorState } from "@/components/error-state";
import { Section } from "@/components/page";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { dismiss, useDismissed } from "@/features/project/start/dismissed";
import { useStarted } from "@/features/project/start/state";
import { stepsOf, type Step } from "@/features/project/start/steps";
import type { Project } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { useRefusal } from "@/lib/organization";

/** The first steps of a project, which tick themselves off. */
export function GettingStarted({ project }: { project: Project }) {
  const refused = useRefusal(project.organization, "run_projects");
  const dismissed = useDismissed(project.ref);
  return refused || dismissed ? null : <Steps project={project} />;
}

function Steps({ project }: { project: Project }) {
  const { state, error, retry, retrying } = useStarted(project);
  const steps = state && stepsOf(state);
  const done = steps?.filter((step) => step.done).length ?? 0;
  if (steps && done === steps.length) return null;
  return (
    <Section
      title="Getting started"
      about={steps ? `${done} of ${steps.length} done.` : "From nothing to a working app."}
      action={
        <Button size="small" variant="ghost" onClick={() => dismiss(project.ref, true)}>
          <X aria-hidden /> Dismiss
        </Button>
      }
    >
      {error && <ErrorState error={error} what="What is done could not be told" onRetry={retry} retrying={retrying} />}
      {!steps && !error && <SkeletonRows rows={3} label="Loading the first steps" />}
      {steps && (
        <ol className="grid gap-px overflow-hidden rounded-md border border-border bg-border sm:grid-cols-2 xl:grid-cols-3">
          {steps.map((step) => (
            <Item key={step.id} step={step} first={step === steps.find((each) => !each.done)} action={actions[step.id]!(project)} />
          ))}
        </ol>
      )}
    </Section>
  );
}

function Item({ step, first, action }: { step: Step; first: boolean; action: ReactNode }) {
  return (
    <li className={cn("flex items-start gap-3 bg-background p-3", first && "bg-accent-soft")} data-start={step.id} data-done={step.done}>
      {step.done ? <Check className="mt-0.5 size-4 shrink-0 text-success" aria-hidden /> : <Circle className="mt-0.5 size-4 shrink-0 text-faint" aria-hidden />}
      <div className="flex min-w-0 flex-1 flex-col items-start gap-2">
        <div>
          <p className={cn("text-sm font-medium", step.done && "text-muted")}>
            {step.name}
            <span className="sr-only">{step.done ? ", done" : ", to do"}</span>
          </p>
          <p className="text-xs text-muted">{step.about}</p>
        </div>
        {!step.done && action}
      </div>
    </li>
  );
}

const actions: Record<string, (project: Project) => ReactNode> = {
  table: ({ ref }) => (
    <Button asChild size="small">
      <Link to="/projects/$ref/tables" params={{ ref }} search={{ edit: "new-table" }}>
        Create table
      </Link>
    </Button>
  ),
  rls: ({ ref }) => (
    <Button asChild size="small">
      <Link to="/projects/$ref/tables" params={{ ref }}>
        Open tables
      </Link>
    </Button>
  ),
  request: () => (
    <ConnectButton size="small" way="curl">
      Show curl
    </ConnectButton>
  ),
  app: () => (
    <ConnectButton size="small" way="nextjs">
      Choose a framework
    </ConnectButton>
  ),
  user: ({ ref }) => (
    <Button asChild size="small">
      <Link to="/projects/$ref/auth/users" params={{ ref }} search={{ create: true }}>
        Create user
      </Link>
    </Button>
  ),
  file: () => (
    <ConnectButton size="small" way="curl-storage">
      Show how
    </ConnectButton>
  ),
};
