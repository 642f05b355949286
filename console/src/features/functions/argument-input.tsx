import { useId } from "react";
import { Select } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { startOf, type Given, type Parameter } from "@/features/functions/call";
import { kindOf } from "@/features/tables/kind";
import { ValueInput } from "@/features/tables/value-input";
import { useShownType } from "@/features/schema-edit/type-picker";

interface Props {
  parameter: Parameter;
  given: Given;
  fault: string | undefined;
  onChange: (given: Given) => void;
  onSubmit: () => void;
}

/** One argument of a call: a value of its type, null, or its default. */
export function ArgumentInput({ parameter, given, fault, onChange, onSubmit }: Props) {
  const id = useId();
  const shown = useShownType();
  const { title, type, column, variadic, default: standard } = parameter;
  const set = (text: string) => onChange({ is: "value", text });
  const note = fault || given.is === "default" ? `${id}-note` : undefined;
  return (
    <div className="flex flex-col gap-1.5" role="group" aria-label={title}>
      <div className="flex min-h-7 flex-wrap items-center gap-x-2">
        <label htmlFor={id} className="font-mono text-xs font-medium">
          {title}
        </label>
        <span className="font-mono text-xs text-muted">
          {shown(type)}
          {variadic && " variadic"}
        </span>
        <span className="flex-1" />
        <Select
          aria-label={`How ${title} is given`}
          className="w-28"
          value={given.is}
          onChange={(event) => {
            const is = event.target.value as Given["is"];
            const fresh = startOf({ ...parameter, default: null });
            onChange(is === "value" ? fresh : { is });
          }}
        >
          <option value="value">Value</option>
          <option value="null">Null</option>
          {standard !== null && <option value="default">Default</option>}
        </Select>
      </div>
      {given.is === "value" &&
        (kindOf(column) === "boolean" ? (
          <div className="flex h-8 items-center gap-2">
            <Switch id={id} checked={given.text === "true"} onCheckedChange={(on) => set(String(on))} aria-label={title} />
            <span className="font-mono text-xs text-muted">{given.text}</span>
          </div>
        ) : (
          <ValueInput id={id} column={column} value={given.text} label={title} onChange={set} onSubmit={onSubmit} invalid={Boolean(fault)} describedBy={note} placeholder={kindOf(column) === "text" ? "empty text" : undefined} />
        ))}
      {fault ? (
        <p id={note} role="alert" className="text-xs text-danger">
          {fault}
        </p>
      ) : (
        given.is === "default" && (
          <p id={note} className="font-mono text-xs break-all text-muted">
            {standard}
          </p>
        )
      )}
    </div>
  );
}
