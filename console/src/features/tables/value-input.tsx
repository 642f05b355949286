import { CalendarClock, Dices, Plus, X } from "lucide-react";
import { useRef, type ReactNode } from "react";
import { CodeEditor } from "@/components/code-editor";
import { Button } from "@/components/ui/button";
import { Input, Select, Textarea, toEnd } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import { formatArray, parseArray } from "@/features/tables/array";
import { newUuid, now } from "@/features/tables/check";
import { kindOf } from "@/features/tables/kind";
import type { CatalogColumn } from "@/lib/catalog";
import { cn } from "@/lib/cn";

export interface ValueInputProps {
  column: CatalogColumn;
  value: string;
  onChange: (value: string) => void;
  label: string;
  id?: string;
  autoFocus?: boolean;
  invalid?: boolean;
  describedBy?: string;
  /** Shows the value, to be copied and not changed. */
  readOnly?: boolean;
  /** Ctrl-Enter in what takes several lines. */
  onSubmit?: () => void;
  placeholder?: string;
}

/** The control that fits a column's values. */
export function ValueInput(props: ValueInputProps) {
  const { column, value, onChange, label, id, autoFocus, invalid, describedBy, placeholder } = props;
  const common = { id, "aria-label": label, "aria-invalid": invalid || undefined, "aria-describedby": describedBy, autoFocus, placeholder, spellCheck: false, onFocus: autoFocus ? toEnd : undefined };
  if (props.readOnly) return <Textarea {...common} readOnly value={value} rows={Math.min(12, value.split("\n").length)} className="max-h-72 min-h-8 font-mono [field-sizing:content]" />;
  switch (kindOf(column)) {
    case "boolean":
      return <Choice {...props} values={["true", "false"]} />;
    case "enum":
      return <Choice {...props} values={column.values ?? []} />;
    case "json":
      return <CodeEditor value={value} onChange={onChange} language="json" ariaLabel={label} minLines={4} maxLines={16} autoFocus={autoFocus} invalid={invalid} onSubmit={props.onSubmit} />;
    case "array":
      return <ArrayInput {...props} />;
    case "uuid":
      return (
        <Beside button={<IconButton name="Generate a UUID" icon={<Dices />} onClick={() => onChange(newUuid())} />}>
          <Input {...common} value={value} onChange={(event) => onChange(event.target.value)} className="font-mono" />
        </Beside>
      );
    case "date":
    case "time":
    case "timestamp":
      return <TimeInput {...props} />;
    case "number":
      return <Input {...common} inputMode="decimal" value={value} onChange={(event) => onChange(event.target.value)} className="font-mono tabular-nums" />;
    case "text":
      return (
        <Textarea
          {...common}
          value={value}
          rows={Math.min(12, Math.max(1, value.split("\n").length + Math.floor(value.length / 60)))}
          onChange={(event) => onChange(event.target.value)}
          className="min-h-8 font-mono [field-sizing:content] max-h-72"
        />
      );
    default:
      return <Textarea {...common} value={value} rows={1} onChange={(event) => onChange(event.target.value)} className="max-h-72 min-h-8 font-mono [field-sizing:content]" />;
  }
}

function Choice({ value, onChange, values, label, id, autoFocus, invalid, describedBy, placeholder }: ValueInputProps & { values: string[] }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-autofocus -- the editor was opened to be typed in
    <Select id={id} aria-label={label} autoFocus={autoFocus} aria-invalid={invalid || undefined} aria-describedby={describedBy} value={value} onChange={(event) => onChange(event.target.value)}>
      {!values.includes(value) && <option value={value}>{value || (placeholder && placeholder !== "empty" ? placeholder : "Choose")}</option>}
      {values.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </Select>
  );
}

/** What the browser's own picker can show of a value. */
function pickable(kind: string, value: string): string {
  const found = /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d))?[ T]?((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)?/.exec(value);
  if (kind === "date") return found?.[1] ?? "";
  if (kind === "time") return found?.[2] ?? "";
  return found?.[1] && found[2] ? `${found[1]}T${found[2]}` : "";
}

function TimeInput({ column, value, onChange, label, id, autoFocus, invalid, describedBy, placeholder }: ValueInputProps) {
  const kind = kindOf(column);
  const picker = useRef<HTMLInputElement>(null);
  const zone = /([+-]\d\d(:?\d\d)?)$/.exec(value)?.[1] ?? (column.base_type.endsWith("tz") ? "+00" : "");
  return (
    <Beside
      button={
        <>
          <IconButton name="Pick" icon={<CalendarClock />} onClick={() => picker.current?.showPicker()} />
          <Button size="default" onClick={() => onChange(now(column))}>
            {kind === "date" ? "Today" : "Now"}
          </Button>
          <input
            ref={picker}
            type={kind === "date" ? "date" : kind === "time" ? "time" : "datetime-local"}
            step={1}
            tabIndex={-1}
            aria-hidden
            className="pointer-events-none absolute right-24 bottom-0 size-0 opacity-0"
            value={pickable(kind, value)}
            onChange={(event) => {
              const picked = event.target.value.replace("T", " ");
              if (picked) onChange(kind === "date" ? picked : `${picked}${zone}`);
            }}
          />
        </>
      }
    >
      {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- the editor was opened to be typed in */}
      <Input id={id} aria-label={label} aria-invalid={invalid || undefined} aria-describedby={describedBy} autoFocus={autoFocus} onFocus={autoFocus ? toEnd : undefined} value={value} placeholder={placeholder} onChange={(event) => onChange(event.target.value)} className="font-mono" spellCheck={false} />
    </Beside>
  );
}

/** The elements of an array below each other; arrays within arrays as text. */
function ArrayInput(props: ValueInputProps) {
  const { value, onChange, label, autoFocus, column, placeholder } = props;
  const elements = value === "" ? [] : parseArray(value);
  const list = useRef<HTMLOListElement>(null);
  if (!elements) {
    // oxlint-disable-next-line jsx-a11y/no-autofocus -- the editor was opened to be typed in
    return <Textarea aria-label={label} id={props.id} autoFocus={autoFocus} onFocus={autoFocus ? toEnd : undefined} value={value} onChange={(event) => onChange(event.target.value)} className="min-h-8 font-mono" rows={3} spellCheck={false} />;
  }
  const set = (next: (string | null)[]) => onChange(formatArray(next));
  const add = () => {
    set([...elements, column.kind === "e" ? (column.values?.[0] ?? "") : ""]);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>("li:last-child :is(input, select)")?.focus());
  };
  return (
    <div className="flex flex-col gap-1.5" role="group" aria-label={label}>
      <ol ref={list} className="flex flex-col gap-1.5 empty:hidden">
        {elements.map((element, at) => (
          // oxlint-disable-next-line react/no-array-index-key -- elements are told apart by their place
          <li key={at} className="flex items-center gap-1.5">
            <span className="w-5 text-right font-mono text-xs text-faint">{at + 1}</span>
            {column.kind === "e" ? (
              <Select aria-label={`Element ${at + 1}`} value={element ?? ""} onChange={(event) => set(elements.with(at, event.target.value))}>
                {element === null && <option value="">null</option>}
                {(column.values ?? []).map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </Select>
            ) : (
              <Input
                aria-label={`Element ${at + 1}`}
                // oxlint-disable-next-line jsx-a11y/no-autofocus -- the editor was opened to be typed in
                autoFocus={autoFocus && at === 0}
                onFocus={autoFocus ? toEnd : undefined}
                value={element ?? ""}
                placeholder={element === null ? "null" : undefined}
                className="font-mono"
                spellCheck={false}
                onChange={(event) => set(elements.with(at, event.target.value))}
                onKeyDown={(event) => {
                  if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
                  event.preventDefault();
                  event.stopPropagation();
                  add();
                }}
              />
            )}
            <IconButton name={`Remove element ${at + 1}`} icon={<X />} onClick={() => set(elements.toSpliced(at, 1))} />
          </li>
        ))}
      </ol>
      {elements.length === 0 && <p className="text-xs text-muted">{value === "" && placeholder && placeholder !== "empty" ? placeholder : "The array is empty."}</p>}
      <Button size="small" className="self-start" onClick={add}>
        <Plus aria-hidden /> Add element
      </Button>
    </div>
  );
}

function Beside({ children, button }: { children: ReactNode; button: ReactNode }) {
  return (
    <div className="relative flex gap-1.5">
      <div className="min-w-0 flex-1">{children}</div>
      {button}
    </div>
  );
}

export function IconButton({ name, icon, onClick, className }: { name: string; icon: ReactNode; onClick: () => void; className?: string }) {
  return (
    <Tooltip text={name}>
      <Button size="icon" aria-label={name} onClick={onClick} className={cn("shrink-0", className)}>
        {icon}
      </Button>
    </Tooltip>
  );
}
