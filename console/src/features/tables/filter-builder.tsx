import { ListFilter, Plus, X } from "lucide-react";
import { useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { about, countConditions, isGroup, operatorsOf, type Condition, type Group, type Operator } from "@/features/tables/filter";
import { kindOf } from "@/features/tables/kind";
import type { CatalogColumn } from "@/lib/catalog";
import { cn } from "@/lib/cn";

interface Props {
  columns: CatalogColumn[];
  filter: Group | undefined;
  onApply: (filter: Group | undefined) => void;
  /** The column to begin a condition with; opens the form. */
  begin: string | undefined;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Which rows are shown: conditions that all or any of must hold, and groups of them. */
export function FilterButton({ open, onOpenChange, ...props }: Props) {
  const count = countConditions(props.filter);
  return (
    <Popover open={open} onOpenChange={onOpenChange}>
      <PopoverTrigger asChild>
        <Button className={cn("@max-[640px]:px-2", count > 0 && "border-accent text-accent")}>
          <ListFilter aria-hidden /> <span className="@max-[640px]:sr-only">Filter</span>
          {count > 0 && <span className="tabular-nums">{count}</span>}
        </Button>
      </PopoverTrigger>
      <PopoverContent className="w-[620px]" aria-label="Filter">
        <FilterForm {...props} onApply={(next) => { props.onApply(next); onOpenChange(false); }} />
      </PopoverContent>
    </Popover>
  );
}

function first(column: CatalogColumn | undefined): Condition {
  const operators = column ? operatorsOf(kindOf(column)) : [];
  return { column: column?.name ?? "", operator: operators[0] ?? "eq", values: [""] };
}

function FilterForm({ columns, filter, onApply, begin }: Omit<Props, "open" | "onOpenChange">) {
  const [group, setGroup] = useState<Group>(() => {
    const start = filter ?? { join: "and", parts: [] };
    const column = columns.find((each) => each.name === begin);
    return column || start.parts.length === 0 ? { ...start, parts: [...start.parts, first(column ?? columns[0])] } : start;
  });
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        onApply(group);
      }}
    >
      <GroupFields group={group} columns={columns} onChange={setGroup} depth={0} />
      <div className="flex flex-wrap items-center gap-2 border-t border-border pt-3">
        <span className="flex-1" />
        {filter && <Button onClick={() => onApply(undefined)}>Clear</Button>}
        <Button type="submit" variant="primary">
          Apply filter
        </Button>
      </div>
    </form>
  );
}

function GroupFields({ group, columns, onChange, depth }: { group: Group; columns: CatalogColumn[]; onChange: (group: Group) => void; depth: number }) {
  const set = (at: number, part: Condition | Group) => onChange({ ...group, parts: group.parts.with(at, part) });
  const drop = (at: number) => onChange({ ...group, parts: group.parts.toSpliced(at, 1) });
  const add = (part: Condition | Group) => onChange({ ...group, parts: [...group.parts, part] });
  const id = useId();
  return (
    <div role="group" aria-label={depth === 0 ? "Conditions" : "Group of conditions"} className={depth > 0 ? "flex flex-col gap-2 rounded-md border border-border p-2" : "flex flex-col gap-2"}>
      {group.parts.length > 1 && (
        <label htmlFor={id} className="flex items-center gap-2 text-xs text-muted">
          Rows that match
          <Select id={id} className="w-20" value={group.join} onChange={(event) => onChange({ ...group, join: event.target.value as Group["join"] })}>
            <option value="and">all</option>
            <option value="or">any</option>
          </Select>
          of these
        </label>
      )}
      {group.parts.map((part, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- conditions are told apart by their place
        <div key={at} className="flex items-start gap-1.5">
          <div className="min-w-0 flex-1">
            {isGroup(part) ? <GroupFields group={part} columns={columns} onChange={(next) => set(at, next)} depth={depth + 1} /> : <ConditionFields condition={part} columns={columns} onChange={(next) => set(at, next)} />}
          </div>
          <Button size="icon" variant="ghost" aria-label={isGroup(part) ? "Remove group" : `Remove condition ${at + 1}`} onClick={() => drop(at)}>
            <X />
          </Button>
        </div>
      ))}
      <div className="flex gap-2">
        <Button size="small" onClick={() => add(first(columns[0]))}>
          <Plus aria-hidden /> Add condition
        </Button>
        {depth < 2 && (
          <Button size="small" variant="ghost" onClick={() => add({ join: group.join === "and" ? "or" : "and", parts: [first(columns[0])] })}>
            <Plus aria-hidden /> Add group
          </Button>
        )}
      </div>
    </div>
  );
}

function ConditionFields({ condition, columns, onChange }: { condition: Condition; columns: CatalogColumn[]; onChange: (condition: Condition) => void }) {
  const column = columns.find((each) => each.name === condition.column);
  const offered = column ? operatorsOf(kindOf(column)) : [condition.operator];
  return (
    <div className="grid grid-cols-[1fr_1fr] gap-1.5 sm:grid-cols-[10rem_11rem_1fr]">
      <Select
        aria-label="Column"
        value={condition.column}
        onChange={(event) => {
          const next = columns.find((each) => each.name === event.target.value)!;
          const operators = operatorsOf(kindOf(next));
          onChange({ ...condition, column: next.name, operator: operators.includes(condition.operator) ? condition.operator : operators[0]! });
        }}
      >
        {!column && <option value={condition.column}>{condition.column || "Choose"}</option>}
        {columns.map((each) => (
          <option key={each.name}>{each.name}</option>
        ))}
      </Select>
      <Select aria-label="Operator" value={condition.operator} onChange={(event) => onChange({ ...condition, ...fitting(event.target.value as Operator, condition.values) })}>
        {(offered.includes(condition.operator) ? offered : [condition.operator, ...offered]).map((each) => (
          <option key={each} value={each}>
            {about(each).sign} · {about(each).words}
          </option>
        ))}
      </Select>
      <div className="col-span-2 sm:col-span-1">
        <ValueFields condition={condition} column={column} onChange={(values) => onChange({ ...condition, values })} />
      </div>
    </div>
  );
}

/** As many values as the operator takes. */
function fitting(operator: Operator, values: string[]): Pick<Condition, "operator" | "values"> {
  const { takes } = about(operator);
  if (takes === "none") return { operator, values: [] };
  if (takes === "two") return { operator, values: [values[0] ?? "", values[1] ?? ""] };
  return { operator, values: takes === "one" ? [values[0] ?? ""] : values.filter(Boolean) };
}

const hints: Partial<Record<Operator, string>> = { like: "%part%", ilike: "%part%", match: "^expression", imatch: "^expression", fts: "some words", cs: "{a,b} or JSON", cd: "{a,b} or JSON", ov: "{a,b}" };

function ValueFields({ condition, column, onChange }: { condition: Condition; column: CatalogColumn | undefined; onChange: (values: string[]) => void }) {
  const { takes } = about(condition.operator);
  const { values } = condition;
  if (takes === "none") return null;
  if (takes === "many") {
    return <Input aria-label="Values between commas" placeholder="a, b, c" className="font-mono" defaultValue={values.join(", ")} onChange={(event) => onChange(event.target.value.split(",").map((each) => each.trim()).filter(Boolean))} />;
  }
  const choices = column && ["eq", "neq"].includes(condition.operator) ? (kindOf(column) === "enum" ? column.values : kindOf(column) === "boolean" ? ["true", "false"] : null) : null;
  if (choices) {
    return (
      <Select aria-label="Value" value={values[0] ?? ""} onChange={(event) => onChange([event.target.value])}>
        {!choices.includes(values[0] ?? "") && <option value={values[0] ?? ""}>{values[0] || "Choose"}</option>}
        {choices.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </Select>
    );
  }
  return (
    <div className="flex items-center gap-1.5">
      {(takes === "two" ? [0, 1] : [0]).map((at) => (
        <Input
          key={at}
          aria-label={at === 0 ? "Value" : "Second value"}
          placeholder={hints[condition.operator] ?? column?.type}
          className="font-mono"
          spellCheck={false}
          value={values[at] ?? ""}
          onChange={(event) => onChange((takes === "two" ? [values[0] ?? "", values[1] ?? ""] : [""]).with(at, event.target.value))}
        />
      ))}
    </div>
  );
}
