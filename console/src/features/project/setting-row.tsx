import { RotateCcw } from "lucide-react";
import { useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { Tooltip } from "@/components/ui/tooltip";
import type { Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";
import { cn } from "@/lib/cn";

interface Props {
  setting: Setting;
  /** Its value in JSON if it was changed and not saved. */
  changed: string | undefined;
  disabled: boolean;
  onChange: (setting: Setting, value: string | undefined) => void;
}

export function SettingRow({ setting, changed, disabled, onChange }: Props) {
  const id = useId();
  const value = changed ?? setting.value;
  const differs = value !== setting.defaultValue;
  return (
    <div className={cn("grid items-center gap-x-6 gap-y-2 border-l-2 border-l-transparent px-4 py-3 md:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]", changed !== undefined && "border-l-accent")}>
      <div className="min-w-0">
        <label htmlFor={id} className={cn("font-mono text-xs", differs && "font-semibold")}>
          {setting.key}
        </label>
        <p id={`${id}-about`} className="text-xs text-muted">
          {setting.description}
        </p>
      </div>
      <div className="flex items-center gap-1">
        <div className="flex min-w-0 flex-1 items-center md:justify-end">
          <Control id={id} setting={setting} value={value} disabled={disabled} onChange={(next) => onChange(setting, next)} />
        </div>
        <Tooltip text={`Back to the default: ${setting.defaultValue}`}>
          <Button
            variant="ghost"
            size="small-icon"
            aria-label={`Set ${setting.key} back to its default`}
            disabled={disabled || !differs}
            className={cn(!differs && "invisible")}
            onClick={() => onChange(setting, setting.defaultValue)}
          >
            <RotateCcw />
          </Button>
        </Tooltip>
      </div>
    </div>
  );
}

interface ControlProps {
  id: string;
  setting: Setting;
  value: string;
  disabled: boolean;
  onChange: (value: string | undefined) => void;
}

function Control({ id, setting, value, disabled, onChange }: ControlProps) {
  const about = `${id}-about`;
  if (setting.type === "boolean") {
    return <Switch id={id} aria-describedby={about} checked={value === "true"} disabled={disabled} onCheckedChange={(on) => onChange(String(on))} />;
  }
  if (setting.type === "integer" || setting.type === "duration_seconds") {
    return (
      <span className="flex w-full items-center gap-2 md:w-48">
        <Input
          id={id}
          aria-describedby={about}
          type="number"
          step={1}
          className="text-right tabular-nums"
          value={value}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}
        />
        {setting.type === "duration_seconds" && <span className="text-xs text-muted">seconds</span>}
      </span>
    );
  }
  return <Text id={id} about={about} list={setting.type === "string_list"} value={value} disabled={disabled} onChange={onChange} />;
}

interface TextProps {
  id: string;
  about: string;
  list: boolean;
  value: string;
  disabled: boolean;
  onChange: (value: string) => void;
}

/** A string, or a list of them with commas between. */
function Text({ id, about, list, value, disabled, onChange }: TextProps) {
  const [text, setText] = useState(() => readable(value, list));
  const [known, setKnown] = useState(value);
  if (value !== known) {
    setKnown(value);
    if (written(text, list) !== value) setText(readable(value, list));
  }
  return (
    <Input
      id={id}
      aria-describedby={about}
      className="font-mono text-xs"
      spellCheck={false}
      value={text}
      disabled={disabled}
      onChange={(event) => {
        setText(event.target.value);
        onChange(written(event.target.value, list));
      }}
    />
  );
}

function readable(json: string, list: boolean): string {
  try {
    const value: unknown = JSON.parse(json);
    return list && Array.isArray(value) ? value.join(", ") : String(value);
  } catch {
    return json;
  }
}

function written(text: string, list: boolean): string {
  if (!list) return JSON.stringify(text);
  const parts = text.split(",").map((part) => part.trim());
  return JSON.stringify(parts.filter(Boolean));
}
