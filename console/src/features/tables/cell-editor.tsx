import { useQuery } from "@tanstack/react-query";
import { useState, type KeyboardEvent } from "react";
import { CopyButton } from "@/components/copy-button";
import { ErrorState } from "@/components/error-state";
import { Button } from "@/components/ui/button";
import { Popover, PopoverAnchor, PopoverContent } from "@/components/ui/popover";
import { Skeleton } from "@/components/ui/skeleton";
import { begun } from "@/features/tables/begin";
import { asDefault, type NewValue } from "@/features/tables/change";
import { faultIn } from "@/features/tables/check";
import { ForeignPicker } from "@/features/tables/foreign-picker";
import { isComputed, kindOf } from "@/features/tables/kind";
import type { Row } from "@/features/tables/read";
import { asEdited } from "@/features/tables/row-fields";
import type { Changes } from "@/features/tables/use-changes";
import type { TableInfo } from "@/features/tables/use-table";
import { ValueInput } from "@/features/tables/value-input";
import type { CatalogColumn } from "@/lib/catalog";
import type { As } from "@/lib/meta";
import { useHere } from "@/lib/project-data";

export interface Editing {
  row: Row;
  column: CatalogColumn;
  /** The cell that it stands at. */
  element: HTMLElement;
  /** The key that began it, typed over the value. */
  typed?: string;
}

interface Props extends Editing {
  info: TableInfo;
  changes: Changes;
  as: As | undefined;
  onClose: () => void;
}

/** Changes one value, at its cell. Enter saves, Escape leaves it as it was. */
export function CellEditor(props: Props) {
  const { row, column, element, info, changes, onClose } = props;
  const { project } = useHere();
  const index = info.relation.columns.indexOf(column);
  const draft = changes.draftOf(row, column.name);
  const picks = info.foreign.get(column.name)?.pairs.length === 1;
  const typed = props.typed === undefined || picks ? undefined : begun(column, props.typed);
  const cut = row.cut.has(index) && typed === undefined && !draft;
  const whole = useQuery({ queryKey: ["rows", project.ref, column.schema, column.table, "whole", row.key, row.version, props.as ?? null], queryFn: async () => (await changes.whole(row)) ?? null, enabled: cut, staleTime: 0 });
  const present = draft ? draft.value : cut ? whole.data?.values[index] : row.values[index];
  return (
    <Popover open onOpenChange={(open) => !open && onClose()}>
      <PopoverAnchor virtualRef={{ current: element }} />
      <PopoverContent
        side="bottom"
        sideOffset={-element.offsetHeight}
        alignOffset={-1}
        className="p-2"
        style={{ width: Math.max(element.offsetWidth + 2, ["json", "array", "text"].includes(kindOf(column)) || info.foreign.has(column.name) ? 360 : 300) }}
        aria-label={`Edit ${column.name}`}
        onCloseAutoFocus={(event) => event.preventDefault()}
      >
        {cut && whole.isPending && <Skeleton className="h-8" />}
        {cut && whole.isError && <ErrorState error={whole.error} what="The whole value could not be read" onRetry={() => void whole.refetch()} retrying={whole.isFetching} />}
        {(!cut || whole.isSuccess) && <ValueForm {...props} typed={typed} searched={picks ? props.typed : undefined} present={present ?? null} />}
      </PopoverContent>
    </Popover>
  );
}

interface FormProps extends Props {
  /** What is looked for among the rows that a foreign key may lead to. */
  searched: string | undefined;
  present: NewValue;
}

function ValueForm({ row, column, info, changes, as, typed, searched, present, onClose }: FormProps) {
  const kind = kindOf(column);
  const pretty = typeof present === "string" ? asEdited(column, present) : present;
  const [text, setText] = useState(typed ?? (typeof pretty === "string" ? pretty : ""));
  const [fault, setFault] = useState<string>();
  // Of a row that cannot be found again only the beginning of a long value is known: it would be written back cut.
  const editable = info.rights.update(column.name) && (row.key !== undefined || !row.cut.has(info.relation.columns.indexOf(column)));
  const name = `${column.name}, ${column.type}`;
  const foreign = info.foreign.get(column.name);
  const picking = editable && foreign?.pairs.length === 1 ? foreign : undefined;

  function save(value: NewValue) {
    onClose();
    void changes.writeCell(row, column.name, value);
  }
  function submit() {
    if (!editable) return onClose();
    // What was not touched is not written: JSON may be spelt differently.
    if (typed === undefined && text === pretty && !changes.draftOf(row, column.name)) return onClose();
    const found = faultIn(column, text);
    if (found) setFault(found);
    else save(text);
  }
  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || event.defaultPrevented) return;
    const several = kind === "json" || (event.target as HTMLElement).closest("button");
    if (several && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    submit();
  }

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Enter saves wherever the focus is
    <form
      className="flex flex-col gap-2"
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {picking && <ForeignPicker foreign={picking} column={column.name} value={typeof present === "string" ? present : null} as={as} onPick={save} searched={searched} autoFocus />}
      <ValueInput
        column={column}
        value={text}
        onChange={(next) => {
          setText(next);
          setFault(undefined);
        }}
        label={name}
        autoFocus={!picking}
        invalid={Boolean(fault)}
        readOnly={!editable}
        onSubmit={submit}
        placeholder={present === null ? "null" : present === "" ? "empty" : undefined}
      />
      {!editable && <p className="text-xs text-muted">{whyFixed(column, info)}</p>}
      {fault && (
        <p role="alert" className="text-xs text-danger">
          {fault}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-1.5">
        {editable && column.nullable && (
          <Button size="small" onClick={() => save(null)}>
            Set null
          </Button>
        )}
        {editable && (column.default !== null || column.identity) && (
          <Button size="small" title={column.default ?? "the next number"} onClick={() => save(asDefault)}>
            Set default
          </Button>
        )}
        <CopyButton value={text} what="value" />
        <span className="flex-1" />
        <Button size="small" variant="ghost" onClick={onClose}>
          {editable ? "Cancel" : "Close"}
        </Button>
        {editable && (
          <Button size="small" variant="primary" type="submit">
            Save
          </Button>
        )}
      </div>
    </form>
  );
}

/** Why a value can only be read. */
function whyFixed(column: CatalogColumn, info: TableInfo): string {
  if (isComputed(column)) return "Postgres computes this value, so it can only be read.";
  if (column.identity === "always") return "Only the database gives this number: the identity is “always”.";
  return info.rights.readOnly ?? (info.rights.update(column.name) ? "Its row cannot be told from others, so this long value can only be read." : "This role may only read it.");
}
