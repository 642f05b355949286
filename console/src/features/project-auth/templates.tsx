import { getRouteApi, Link } from "@tanstack/react-router";
import { Page, Section } from "@/components/page";
import { Badge } from "@/components/ui/badge";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { SettingsLoaded } from "@/features/project-auth/settings-page";
import type { Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { pages, templatesOf, type Template } from "@/lib/auth-pages";
import { moveByArrows } from "@/lib/rows";

const route = getRouteApi("/app/projects/$ref/auth/templates");
const plan = pages.find((each) => each.path === "templates")!;

export function TemplatesPage() {
  const { ref } = route.useParams();
  return (
    <Page title={plan.title} about={plan.about}>
      <SettingsLoaded projectRef={ref}>{(settings) => <Lists projectRef={ref} settings={settings} />}</SettingsLoaded>
    </Page>
  );
}

function Lists({ projectRef, settings }: { projectRef: string; settings: Setting[] }) {
  return (
    <>
      <Section title="Mails with a link or code">
        <List projectRef={projectRef} templates={templatesOf(settings, "template")} />
      </Section>
      <Section title="Notices" about="They only tell the user what happened. Each is sent when it is switched on.">
        <List projectRef={projectRef} templates={templatesOf(settings, "notice")} />
      </Section>
    </>
  );
}

function List({ projectRef, templates }: { projectRef: string; templates: Template[] }) {
  return (
    <Table onKeyDown={moveByArrows}>
      <thead>
        <tr>
          <Th>Mail</Th>
          <Th>Subject</Th>
          <Th>State</Th>
        </tr>
      </thead>
      <tbody>
        {templates.map((each) => (
          <Tr key={each.name} className="relative">
            <Td className="py-2">
              <Link to="/projects/$ref/auth/templates/$kind/$name" params={{ ref: projectRef, kind: each.kind, name: each.name }} data-row className="font-medium after:absolute after:inset-0">
                {each.title}
              </Link>
              <span className="block text-xs text-muted">{each.use}</span>
            </Td>
            <Td className="max-w-72 truncate text-muted">{String(JSON.parse(each.subject.value))}</Td>
            <Td>
              <span className="flex gap-1.5">
                {each.enabled && (each.enabled.value === "true" ? <Badge tone="success">on</Badge> : <Badge>off</Badge>)}
                {(each.subject.set || each.content.set) && <Badge tone="accent">reworded</Badge>}
                {!each.enabled && !each.subject.set && !each.content.set && <span className="text-xs text-faint">default</span>}
              </span>
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
