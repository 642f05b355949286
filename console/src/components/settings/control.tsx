import { useState } from "react";
import { Controller, useFormContext, useWatch } from "react-hook-form";
import { CopyButton } from "@/components/copy-button";
import { Button } from "@/components/ui/button";
import { Input, Select, Textarea } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { nameOf, spanOf, type Drafts } from "@/lib/settings";
import type { Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";

interface Props {
  setting: Setting;
  id: string;
  /** Ids of what describes it. */
  about: string;
  invalid: boolean;
  disabled: boolean;
}

/** The one control of a setting's type. */
export function SettingControl({ setting, disabled, id, about, invalid }: Props) {
  const { register, control } = useFormContext<Drafts>();
  const name = nameOf(setting.key);
  const described = { id, "aria-describedby": about, "aria-invalid": invalid || undefined, disabled };
  if (setting.type === "boolean") {
    return (
      <Controller
        name={name}
        control={control}
        render={({ field }) => <Switch {...described} checked={field.value === true} onCheckedChange={field.onChange} onBlur={field.onBlur} ref={field.ref} />}
      />
    );
  }
  if (setting.type === "integer" || setting.type === "duration_seconds") {
    return (
      <span className="flex w-full items-center gap-2 md:w-auto">
        {setting.type === "duration_seconds" && <Span name={name} />}
        <Input {...described} inputMode="numeric" autoComplete="off" className="w-28 text-right tabular-nums" placeholder={setting.defaultValue} {...register(name)} />
        {setting.type === "duration_seconds" && <span className="text-xs text-muted">seconds</span>}
      </span>
    );
  }
  if (setting.oneOf.length > 0) {
    return (
      <Select {...described} className="md:w-64" {...register(name)}>
        {setting.oneOf.map((value) => (
          <option key={value} value={value}>
            {value.replaceAll("_", " ")}
          </option>
        ))}
      </Select>
    );
  }
  if (setting.type === "secret") return <SecretControl setting={setting} id={id} about={about} invalid={invalid} disabled={disabled} />;
  if (setting.type === "string_list") {
    return <Textarea {...described} rows={2} spellCheck={false} placeholder="One per line" className="field-sizing-content max-h-60 min-h-16 font-mono text-xs" {...register(name)} />;
  }
  if (setting.type === "text") {
    return <Textarea {...described} rows={8} spellCheck={false} className="font-mono text-xs" {...register(name)} />;
  }
  return <Input {...described} spellCheck={false} autoComplete="off" className="font-mono text-xs" {...register(name)} />;
}

/** What the seconds come to. */
function Span({ name }: { name: string }) {
  const value = useWatch<Drafts>({ name });
  const text = spanOf(String(value));
  return text ? <span className="text-xs whitespace-nowrap text-faint">{text} =</span> : null;
}

/** Secrets of signatures are made by us as well as by anyone. */
const signs = (setting: Setting): boolean => setting.description.includes("v1,whsec_");

function newSigningSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `v1,whsec_${btoa(String.fromCharCode(...bytes))}`;
}

/** A secret can be given anew or taken back; what it is, nobody is told. One that was made here is shown until it is saved. */
function SecretControl({ setting, id, about, invalid, disabled }: Props) {
  const { control } = useFormContext<Drafts>();
  const [made, setMade] = useState("");
  return (
    <Controller
      name={nameOf(setting.key)}
      control={control}
      render={({ field }) => {
        const cleared = field.value === null;
        const fresh = made !== "" && field.value === made;
        return (
          <span className="flex w-full items-center gap-2">
            <Input
              id={id}
              aria-describedby={about}
              aria-invalid={invalid || undefined}
              type={fresh ? "text" : "password"}
              autoComplete="new-password"
              spellCheck={false}
              disabled={disabled || cleared}
              placeholder={cleared ? "Will be cleared" : setting.set ? "Set. Type anew." : "Not set"}
              className="font-mono text-xs"
              value={typeof field.value === "string" ? field.value : ""}
              onChange={field.onChange}
              onBlur={field.onBlur}
              ref={field.ref}
            />
            {fresh && <CopyButton value={made} what="secret; it is not shown again once it is saved" />}
            {signs(setting) && !fresh && !cleared && (
              <Button
                disabled={disabled}
                onClick={() => {
                  const secret = newSigningSecret();
                  setMade(secret);
                  field.onChange(secret);
                }}
              >
                Generate
              </Button>
            )}
            {setting.set && (
              <Button disabled={disabled} onClick={() => field.onChange(cleared ? "" : null)}>
                {cleared ? "Keep" : "Clear"}
              </Button>
            )}
          </span>
        );
      }}
    />
  );
}
