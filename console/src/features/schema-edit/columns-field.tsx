import { ArrowDown, ArrowUp, ChevronDown, Plus, Trash2 } from "lucide-react";
import { useState, type KeyboardEvent } from "react";
import { useFieldArray, useFormContext, useWatch } from "react-hook-form";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import { ColumnDetails } from "@/features/schema-edit/column-details";
import { DefaultInput } from "@/features/schema-edit/default-input";
import { newColumn, type TableDraft } from "@/features/schema-edit/draft";
import { TypePicker } from "@/features/schema-edit/type-picker";
import { cn } from "@/lib/cn";

/** The columns of a table, a row each; the rest of a column opens beneath it. */
export function ColumnsField() {
  const { control } = useFormContext<TableDraft>();
  const { fields, append, remove, move } = useFieldArray({ control, name: "columns", keyName: "id" });
  const [added, setAdded] = useState<string>();
  const add = () => {
    const column = newColumn();
    setAdded(column.key);
    append(column, { shouldFocus: false });
  };
  return (
    <section className="flex flex-col gap-2" aria-label="Columns">
      <div className="flex items-center justify-between">
        <h3 className="text-sm font-semibold">Columns</h3>
        <Button size="small" onClick={add}>
          <Plus aria-hidden /> Add column
        </Button>
      </div>
      <div className="rounded-md border border-border">
        <div className={cn(grid, "h-8 items-center rounded-t-md border-b border-border bg-surface px-2 text-xs font-medium text-muted max-md:hidden")} aria-hidden>
          <span>Name</span>
          <span>Type</span>
          <span>Default</span>
          <span className="text-center">Null</span>
          <span className="text-center">Key</span>
          <span />
        </div>
        {fields.length === 0 && <p className="px-3 py-4 text-sm text-muted">A table without columns holds nothing. Add one.</p>}
        <ul className="divide-y divide-border">
          {fields.map((field, at) => (
            <ColumnRow key={field.id} at={at} last={fields.length - 1} focused={field.key === added} onMove={(to) => move(at, to)} onRemove={() => remove(at)} />
          ))}
        </ul>
      </div>
    </section>
  );
}

const grid = "grid grid-cols-2 gap-2 md:grid-cols-[minmax(0,5fr)_minmax(0,5fr)_minmax(0,5fr)_2.25rem_2.25rem_4.5rem]";

interface RowProps {
  at: number;
  last: number;
  focused: boolean;
  onMove: (to: number) => void;
  onRemove: () => void;
}

function ColumnRow({ at, last, focused, onMove, onRemove }: RowProps) {
  const [open, setOpen] = useState(false);
  const { register, setValue, formState, control } = useFormContext<TableDraft>();
  const column = useWatch({ control, name: `columns.${at}` });
  const primary = useWatch({ control, name: "primary.columns" });
  const errors = formState.errors.columns?.[at];
  if (!column) return null;
  const fresh = column.key.startsWith("new ");
  const name = column.name || `column ${at + 1}`;
  const isKey = primary.includes(column.key);
  const hidden = errors?.generation ?? errors?.using ?? errors?.fill;
  const onKeyDown = (event: KeyboardEvent) => {
    const to = at + (event.key === "ArrowUp" ? -1 : 1);
    if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key) || !fresh || to < 0 || to > last) return;
    event.preventDefault();
    onMove(to);
  };
  return (
    <li aria-label={`Column ${name}`} className={cn("p-2", hidden && !open && "bg-danger-soft")}>
      <div className={cn(grid, "items-start")}>
        <div>
          <Input
            {...register(`columns.${at}.name`)}
            aria-label="Name"
            onKeyDown={onKeyDown}
            aria-invalid={Boolean(errors?.name)}
            placeholder="name"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            autoFocus={focused}
            className="font-mono sm:text-xs"
          />
          <Problem text={errors?.name?.message} />
        </div>
        <div>
          <TypePicker label={`Type of ${name}`} aria-invalid={Boolean(errors?.type)} value={column.type} array={column.array} onChange={(type) => setValue(`columns.${at}.type`, type, { shouldDirty: true, shouldValidate: formState.isSubmitted })} />
          <Problem text={errors?.type?.message} />
        </div>
        <div className="max-md:col-span-2">
          <DefaultInput at={at} />
        </div>
        <label className="flex h-8 items-center gap-2 text-sm md:justify-center">
          <input
            type="checkbox"
            aria-label={`${name} may be null`}
            className="size-4 accent-(--accent)"
            disabled={isKey || Boolean(column.identity)}
            checked={column.nullable && !isKey && !column.identity}
            onChange={(event) => setValue(`columns.${at}.nullable`, event.target.checked, { shouldDirty: true })}
          />
          <span className="md:hidden">May be null</span>
        </label>
        <label className="flex h-8 items-center gap-2 text-sm md:justify-center">
          <input
            type="checkbox"
            aria-label={`${name} is in the primary key`}
            className="size-4 accent-(--accent)"
            checked={isKey}
            onChange={(event) => setValue("primary.columns", event.target.checked ? [...primary, column.key] : primary.filter((key) => key !== column.key), { shouldDirty: true })}
          />
          <span className="md:hidden">Primary key</span>
        </label>
        <div className="flex justify-end max-md:col-span-2">
          <Tooltip text={open ? "Less" : "Unique, list, identity, generated, comment"}>
            <Button variant="ghost" size="icon" aria-label={`More of ${name}`} aria-expanded={open} onClick={() => setOpen(!open)}>
              <ChevronDown className={cn("transition-transform", open && "rotate-180")} />
            </Button>
          </Tooltip>
          <Tooltip text={fresh ? "Remove" : "Drop the column"}>
            <Button variant="ghost" size="icon" aria-label={`Remove ${name}`} onClick={onRemove}>
              <Trash2 />
            </Button>
          </Tooltip>
        </div>
      </div>
      {open && (
        <div className="mt-2 flex flex-col gap-3 border-t border-border pt-3">
          {fresh && last > 0 && (
            <div className="flex gap-1">
              <Button size="small" disabled={at === 0} onClick={() => onMove(at - 1)} aria-label={`Move ${name} up`}>
                <ArrowUp aria-hidden /> Up
              </Button>
              <Button size="small" disabled={at === last} onClick={() => onMove(at + 1)} aria-label={`Move ${name} down`}>
                <ArrowDown aria-hidden /> Down
              </Button>
              <span className="self-center text-xs text-muted max-sm:hidden">or Alt with the arrows</span>
            </div>
          )}
          <ColumnDetails at={at} />
        </div>
      )}
    </li>
  );
}

export function Problem({ text }: { text: string | undefined }) {
  if (!text) return null;
  return (
    <p role="alert" className="mt-1 text-xs text-danger">
      {text}
    </p>
  );
}
