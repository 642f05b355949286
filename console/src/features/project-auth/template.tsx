import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useMemo, useRef } from "react";
import { Controller, FormProvider, useFormContext, useWatch } from "react-hook-form";
import { LeaveGuard } from "@/components/leave-guard";
import { Page } from "@/components/page";
import { SaveBar } from "@/components/save-bar";
import { useSettingsForm } from "@/components/settings/form";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { OfProject } from "@/features/project-auth/project";
import { SettingsLoaded, useSettingsRefusal } from "@/features/project-auth/settings-page";
import { TemplateEditor, type Editor } from "@/features/project-auth/template-editor";
import { Preview, TestMail } from "@/features/project-auth/template-preview";
import { templatesOf, type Template } from "@/lib/auth-pages";
import { draftOf, nameOf, type Drafts } from "@/lib/settings";

const route = getRouteApi("/app/projects/$ref/auth/templates/$kind/$name");

/** What templates may name, and what it is. */
const variables = [
  { name: "ConfirmationURL", about: "the link" },
  { name: "Token", about: "the code" },
  { name: "TokenHash", about: "for links of your own" },
  { name: "SiteURL", about: "the app's address" },
  { name: "RedirectTo", about: "where the link leads" },
  { name: "Email", about: "the user's address" },
  { name: "NewEmail", about: "the address to come" },
  { name: "OldEmail", about: "the address before" },
  { name: "Phone", about: "the user's number" },
  { name: "Provider", about: "of a linked identity" },
  { name: "FactorType", about: "of a second factor" },
  { name: "Data", about: "the user's metadata, as .Data.name" },
];

export function TemplatePage() {
  const { ref, kind, name } = route.useParams();
  return (
    <SettingsLoaded projectRef={ref}>
      {(settings) => {
        const template = templatesOf(settings, kind === "notice" ? "notice" : "template").find((each) => each.name === name);
        if (!template) {
          return (
            <Page title="Template">
              <p className="text-sm text-muted">There is no such mail.</p>
            </Page>
          );
        }
        return <TemplateForm key={template.content.key} projectRef={ref} template={template} />;
      }}
    </SettingsLoaded>
  );
}

function TemplateForm({ projectRef, template }: { projectRef: string; template: Template }) {
  const refused = useSettingsRefusal(projectRef);
  const settings = useMemo(() => [template.subject, template.content, ...(template.enabled ? [template.enabled] : [])], [template]);
  const { form, save, submit, discard, changed } = useSettingsForm(projectRef, settings);
  const disabled = Boolean(refused) || save.isPending;
  return (
    <Page
      title={template.title}
      about={template.use}
      action={
        <Button asChild variant="ghost">
          <Link to="/projects/$ref/auth/templates" params={{ ref: projectRef }}>
            <ArrowLeft aria-hidden /> All templates
          </Link>
        </Button>
      }
    >
      <FormProvider {...form}>
        <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-6" noValidate>
          {refused && <p className="text-sm text-muted">{refused}</p>}
          <div className="grid gap-6 xl:grid-cols-2">
            <Words template={template} disabled={disabled} />
            <OfProject projectRef={projectRef}>
              <Shown template={template} />
            </OfProject>
          </div>
          <SaveBar pending={changed} what="change" error={save.error} busy={save.isPending} onDiscard={discard} />
        </form>
        <LeaveGuard when={changed > 0 && !save.isPending} />
      </FormProvider>
    </Page>
  );
}

function Words({ template, disabled }: { template: Template; disabled: boolean }) {
  const { register, control, setValue, formState } = useFormContext<Drafts>();
  const editor = useRef<Editor>(null);
  const [subject, content] = [nameOf(template.subject.key), nameOf(template.content.key)];
  const error = formState.errors[content]?.message;
  const restore = () => {
    for (const setting of [template.subject, template.content]) setValue(nameOf(setting.key), draftOf(setting, setting.defaultValue), { shouldDirty: true });
  };
  return (
    <div className="flex min-w-0 flex-col gap-4">
      {template.enabled && (
        <Field label="Send this mail">
          <Toggle name={nameOf(template.enabled.key)} disabled={disabled} />
        </Field>
      )}
      <Field label="Subject" error={formState.errors[subject]?.message}>
        <Input disabled={disabled} autoComplete="off" {...register(subject)} />
      </Field>
      <div className="flex flex-col gap-1.5">
        <span className="flex items-center text-sm font-medium">
          <span className="flex-1">Content</span>
          <Button variant="ghost" size="small" disabled={disabled} onClick={restore}>
            Back to the default
          </Button>
        </span>
        <Controller
          name={content}
          control={control}
          render={({ field }) => <TemplateEditor ref={editor} value={String(field.value)} onChange={field.onChange} disabled={disabled} label="Content in HTML" />}
        />
        {error && (
          <p role="alert" className="text-xs text-danger">
            {error}
          </p>
        )}
      </div>
      <div>
        <p className="mb-1.5 text-xs text-muted">Variables; a click puts one in. Conditions and loops are written as in Go's templates.</p>
        <div className="flex flex-wrap gap-1.5">
          {variables.map(({ name, about }) => (
            <Button key={name} size="small" disabled={disabled} className="font-mono" title={about} onClick={() => editor.current?.insert(`{{ .${name} }}`)}>
              .{name}
            </Button>
          ))}
        </div>
      </div>
    </div>
  );
}

function Toggle({ name, disabled, ...described }: { name: string; disabled: boolean; id?: string; "aria-describedby"?: string }) {
  return (
    <Controller<Drafts> name={name} render={({ field }) => <Switch {...described} checked={field.value === true} disabled={disabled} onCheckedChange={field.onChange} ref={field.ref} />} />
  );
}

function Shown({ template }: { template: Template }) {
  const subject = useWatch<Drafts>({ name: nameOf(template.subject.key) });
  const content = useWatch<Drafts>({ name: nameOf(template.content.key) });
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <Preview name={template.name} subject={String(subject)} content={String(content)} />
      <TestMail name={template.name} subject={String(subject)} content={String(content)} />
    </div>
  );
}
