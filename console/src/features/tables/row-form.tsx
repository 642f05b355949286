import { zodResolver } from "@hookform/resolvers/zod";
import { Eye, KeyRound, Search } from "lucide-react";
import { useEffect, useId, useMemo, useState, type ReactNode } from "react";
import { Controller, useForm } from "react-hook-form";
import { CopyButton } from "@/components/copy-button";
import { SqlFailure } from "@/components/sql-preview";
import { Button } from "@/components/ui/button";
import { DialogFooter } from "@/components/ui/dialog";
import type { Values } from "@/features/tables/change";
import { ForeignPicker } from "@/features/tables/foreign-picker";
import { isComputed } from "@/features/tables/kind";
import { Peek } from "@/features/tables/peek";
import { hasDefault, rowSchema, written, type Field, type RowValues } from "@/features/tables/row-fields";
import type { Foreign, TableInfo } from "@/features/tables/use-table";
import { ValueInput } from "@/features/tables/value-input";
import type { CatalogColumn } from "@/lib/catalog";
import type { As } from "@/lib/meta";

interface Props {
  info: TableInfo;
  as: As | undefined;
  who: string | undefined;
  initial: Field[];
  /** A row that is there already: only what differs is written. */
  existing: boolean;
  verb: string;
  busy: boolean;
  error: unknown;
  onSubmit: (values: Values) => void;
  onCancel: () => void;
  onDirty: (dirty: boolean) => void;
  /** What can be done about the error. */
  remedy?: ReactNode;
  actions?: ReactNode;
}

/** All values of a row, below each other. */
export function RowForm({ info, as, who, initial, existing, verb, busy, error, onSubmit, onCancel, onDirty, remedy, actions }: Props) {
  const { columns } = info.relation;
  const may = existing ? info.rights.update : info.rights.insert;
  const schema = useMemo(() => rowSchema(columns, may), [columns, may]);
  const form = useForm<RowValues>({ resolver: zodResolver(schema), defaultValues: { fields: initial } });
  const { isDirty } = form.formState;
  useEffect(() => onDirty(isDirty), [isDirty, onDirty]);
  const submit = form.handleSubmit(({ fields }) => onSubmit(written(columns, fields, existing ? initial : undefined, may)));
  return (
    <form
      className="flex flex-col gap-5"
      noValidate
      onSubmit={(event) => void submit(event)}
    >
      {columns.map((column, at) => (
        <Controller
          key={column.name}
          control={form.control}
          name={`fields.${at}`}
          render={({ field, fieldState }) => (
            <FieldRow
              column={column}
              field={field.value}
              onChange={field.onChange}
              fault={(fieldState.error as { text?: { message?: string } } | undefined)?.text?.message}
              readOnly={!may(column.name)}
              existing={existing}
              foreign={info.foreign.get(column.name)}
              as={as}
              who={who}
              onSubmit={() => void submit()}
            />
          )}
        />
      ))}
      {error ? <SqlFailure error={error} what="The row was not saved" /> : null}
      {remedy}
      <div className="sticky -bottom-4 -mx-4 -mb-4 flex flex-wrap items-center gap-2 border-t border-border bg-raised px-4 pb-4">
        <div className="mt-4">{actions}</div>
        <span className="flex-1" />
        <DialogFooter>
          <Button onClick={onCancel}>Cancel</Button>
          <Button type="submit" variant="primary" busy={busy} disabled={existing && !isDirty}>
            {verb}
          </Button>
        </DialogFooter>
      </div>
    </form>
  );
}

interface FieldProps {
  column: CatalogColumn;
  field: Field;
  onChange: (field: Field) => void;
  fault: string | undefined;
  readOnly: boolean;
  existing: boolean;
  foreign: Foreign | undefined;
  as: As | undefined;
  who: string | undefined;
  onSubmit: () => void;
}

function FieldRow({ column, field, onChange, fault, readOnly, existing, foreign, as, who, onSubmit }: FieldProps) {
  const id = useId();
  const [beside, setBeside] = useState<"pick" | "peek">();
  const single = foreign && foreign.pairs.length === 1 ? foreign : undefined;
  const placeholder = field.mode === "null" ? "null" : field.mode === "default" ? (isComputed(column) ? "computed" : column.identity ? "the next number" : `default: ${column.default}`) : "empty";
  return (
    <div className="flex flex-col gap-1.5">
      <div className="flex min-h-7 flex-wrap items-center gap-x-2">
        <label htmlFor={id} className="flex min-w-0 items-center gap-1.5 text-sm font-medium">
          {column.primary_key && <KeyRound className="size-3.5 text-accent" aria-label="Primary key" role="img" />}
          <span className="truncate">{column.name}</span>
        </label>
        <span className="font-mono text-xs text-faint">{column.type}</span>
        <span className="flex-1" />
        {single && field.mode === "value" && field.text && (
          <Button size="small" variant="ghost" aria-expanded={beside === "peek"} onClick={() => setBeside(beside === "peek" ? undefined : "peek")}>
            <Eye aria-hidden /> Peek
          </Button>
        )}
        {!readOnly && (
          <>
            {single && (
              <Button size="small" variant="ghost" aria-expanded={beside === "pick"} onClick={() => setBeside(beside === "pick" ? undefined : "pick")}>
                <Search aria-hidden /> Choose
              </Button>
            )}
            {column.nullable && (
              <Button size="small" variant={field.mode === "null" ? "outline" : "ghost"} aria-pressed={field.mode === "null"} onClick={() => onChange({ mode: "null", text: "" })}>
                Null
              </Button>
            )}
            {hasDefault(column) && (
              <Button size="small" variant={field.mode === "default" ? "outline" : "ghost"} aria-pressed={field.mode === "default"} onClick={() => onChange({ mode: "default", text: "" })}>
                Default
              </Button>
            )}
          </>
        )}
      </div>
      {readOnly ? (
        <div className="flex items-start gap-1">
          <pre id={id} className="min-h-8 min-w-0 flex-1 rounded-md border border-border bg-surface px-2.5 py-1.5 font-mono text-xs break-words whitespace-pre-wrap text-muted">
            {field.mode === "value" ? field.text : placeholder}
          </pre>
          {existing && field.mode === "value" && <CopyButton value={field.text} what={column.name} />}
        </div>
      ) : (
        <ValueInput column={column} id={id} value={field.text} onChange={(text) => onChange({ mode: "value", text })} label={column.name} invalid={Boolean(fault)} describedBy={fault || column.comment ? `${id}-note` : undefined} placeholder={placeholder} onSubmit={onSubmit} />
      )}
      {fault ? (
        <p id={`${id}-note`} role="alert" className="text-xs text-danger">
          {fault}
        </p>
      ) : (
        column.comment && (
          <p id={`${id}-note`} className="text-xs text-muted">
            {column.comment}
          </p>
        )
      )}
      {beside === "pick" && single && (
        <ForeignPicker
          foreign={single}
          column={column.name}
          value={field.text}
          as={as}
          autoFocus
          onPick={(text) => {
            onChange({ mode: "value", text });
            setBeside(undefined);
          }}
        />
      )}
      {beside === "peek" && single && field.mode === "value" && (
        <div className="rounded-md border border-border p-3">
          <Peek foreign={single} pairs={[[single.pairs[0]!.foreign, field.text]]} as={as} search={{ as: who }} />
        </div>
      )}
    </div>
  );
}
