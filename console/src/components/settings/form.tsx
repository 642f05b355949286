import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation } from "@connectrpc/connect-query";
import { RotateCcw } from "lucide-react";
import { useEffect, useId, useMemo, type ReactNode } from "react";
import { FormProvider, useForm, useFormContext, useWatch } from "react-hook-form";
import { LeaveGuard } from "@/components/leave-guard";
import { Section } from "@/components/page";
import { SaveBar } from "@/components/save-bar";
import { SettingControl } from "@/components/settings/control";
import { draftOf, draftsOf, jsonOf, keyOf, labelOf, nameOf, schemaOf, type Drafts } from "@/lib/settings";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { useToast } from "@/components/ui/toast";
import { ProjectService, type Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";
import { describe } from "@/lib/errors";
import { counted } from "@/lib/format";
import { useInvalidate } from "@/lib/queries";

const { getSettings, updateSettings } = ProjectService.method;

export interface Group {
  title: string;
  about?: ReactNode;
  /** What the settings' keys begin with, and their labels leave out. */
  prefix?: string;
  settings: Setting[];
  /** Stands below the group's settings. */
  below?: ReactNode;
}

interface Props {
  projectRef: string;
  groups: Group[];
  /** Why the caller may not change settings. */
  refused: string | undefined;
  /** In a sheet there is one group, and its title is the sheet's. */
  bare?: boolean;
  onSaved?: () => void;
}

/** A form of settings: generated from what the server says of them. Only what was changed is sent, all or none of it is saved. */
export function SettingsForm({ projectRef, groups, refused, bare, onSaved }: Props) {
  const settings = useMemo(() => groups.flatMap((group) => group.settings), [groups]);
  const { form, save, submit, discard, changed } = useSettingsForm(projectRef, settings, onSaved);
  return (
    <FormProvider {...form}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-6" noValidate aria-label={groups[0]?.title}>
        {refused && <p className="text-sm text-muted">{refused}</p>}
        {groups.map((group) => {
          const rows = (
            <>
              <div className="divide-y divide-border rounded-md border border-border">
                {group.settings.map((setting) => (
                  <Row key={setting.key} setting={setting} prefix={group.prefix} disabled={Boolean(refused) || save.isPending} stacked={bare} />
                ))}
              </div>
              {group.below}
            </>
          );
          if (bare) return <div key={group.title}>{rows}</div>;
          return (
            <Section key={group.title} title={group.title} about={group.about}>
              {rows}
            </Section>
          );
        })}
        <SaveBar pending={changed} what="change" error={save.error} busy={save.isPending} onDiscard={discard} flush={bare} />
      </form>
      <LeaveGuard when={changed > 0 && !save.isPending} />
    </FormProvider>
  );
}

/** The form of some settings: it sends what was changed, and puts what the server says of a setting beside it. */
export function useSettingsForm(projectRef: string, settings: Setting[], onSaved?: () => void) {
  const byName = useMemo(() => new Map(settings.map((setting) => [nameOf(setting.key), setting])), [settings]);
  const invalidate = useInvalidate();
  const toast = useToast();
  const values = useMemo(() => draftsOf(settings), [settings]);
  const schema = useMemo(() => schemaOf(settings), [settings]);
  const form = useForm<Drafts>({ resolver: zodResolver(schema as never) as never, values, resetOptions: { keepDirtyValues: true } });
  const { setError, reset } = form;
  const save = useMutation(updateSettings, {
    onSuccess: async (answer, request) => {
      const now = new Map(answer.settings.map((setting) => [setting.key, setting]));
      reset(draftsOf(settings.map((setting) => now.get(setting.key) ?? setting)), { keepDirtyValues: false });
      await invalidate(getSettings);
      toast(`${counted(Object.keys(request.values ?? {}).length, "setting")} saved. Workers use it within two seconds.`);
      onSaved?.();
    },
  });
  useEffect(() => {
    if (!save.error) return;
    for (const [field, message] of Object.entries(describe(save.error).fields)) {
      const key = /^values\[(.+)\]$/.exec(field)?.[1];
      if (key && byName.has(nameOf(key))) setError(nameOf(key), { message: withoutKey(message, key) }, { shouldFocus: true });
    }
  }, [save.error, setError, byName]);
  const dirty = Object.keys(form.formState.dirtyFields).filter((name) => form.formState.dirtyFields[name]);
  const submit = form.handleSubmit((drafts) => {
    const changes = dirty.map((name) => [keyOf(name), jsonOf(byName.get(name)!, drafts[name]!)] as const);
    if (changes.length > 0) save.mutate({ ref: projectRef, values: Object.fromEntries(changes) });
  });
  const discard = () => {
    save.reset();
    reset(values, { keepDirtyValues: false });
  };
  return { form, save, submit, discard, changed: dirty.length };
}

/** The server names the setting at fault; beside its field that is said already. */
function withoutKey(message: string, key: string): string {
  const rest = message.toLowerCase().startsWith(`${key}: `) ? message.slice(key.length + 2) : message.startsWith(key) ? `It${message.slice(key.length)}` : message;
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

function Row({ setting, prefix, disabled, stacked }: { setting: Setting; prefix?: string; disabled: boolean; stacked?: boolean }) {
  const id = useId();
  const name = nameOf(setting.key);
  const { getFieldState, formState, setValue } = useFormContext<Drafts>();
  const value = useWatch<Drafts>({ name });
  const { error, isDirty } = getFieldState(name, formState);
  const fallback = draftOf(setting, setting.defaultValue);
  const differs = setting.type === "secret" ? false : value !== fallback;
  const wide = setting.type !== "boolean" && (stacked || setting.type === "text" || setting.type === "string_list");
  const label = labelOf(setting.key, prefix);
  return (
    <div
      id={setting.key}
      className={cn("grid items-center gap-x-6 gap-y-2 border-l-2 border-l-transparent px-4 py-3 target:bg-hover", !wide && (stacked ? "grid-cols-[minmax(0,1fr)_auto]" : "md:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]"), isDirty && "border-l-accent")}
    >
      <div className="min-w-0">
        <div className="flex flex-wrap items-baseline gap-x-3">
          <label htmlFor={id} className={cn("text-sm font-medium", disabled && "text-muted")}>
            {label}
          </label>
          <code className="min-w-0 font-mono text-xs wrap-anywhere text-faint">{setting.key}</code>
        </div>
        <p id={`${id}-about`} className="max-w-prose text-xs text-muted">
          {setting.description}
        </p>
        {error?.message && (
          <p id={`${id}-error`} role="alert" className="text-xs text-danger">
            {error.message}
          </p>
        )}
      </div>
      <div className="flex items-center gap-1">
        <div className={cn("flex min-w-0 flex-1 items-center", !wide && "md:justify-end", setting.type === "secret" && "pr-8")}>
          <SettingControl setting={setting} id={id} about={error ? `${id}-error ${id}-about` : `${id}-about`} invalid={Boolean(error)} disabled={disabled} />
        </div>
        {setting.type !== "secret" && (
          <Tooltip text={setting.type === "text" ? "Back to the default" : `Back to the default: ${setting.defaultValue}`}>
            <Button
              variant="ghost"
              size="small-icon"
              aria-label={`Set ${label} back to its default`}
              disabled={disabled || !differs}
              className={cn(!differs && "invisible", wide && "self-start")}
              onClick={() => setValue(name, fallback, { shouldDirty: true, shouldValidate: true })}
            >
              <RotateCcw />
            </Button>
          </Tooltip>
        )}
      </div>
    </div>
  );
}
