import { useId } from "react";
import { useFormContext, useWatch } from "react-hook-form";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { defaultsOf } from "@/features/schema-edit/column-types";
import { sqlType, type TableDraft } from "@/features/schema-edit/draft";
import { isBareWord } from "@/features/schema-edit/expression";
import { useEnumValues } from "@/features/schema-edit/type-picker";
import { literal } from "@/lib/pg";

/** The default of a column: an expression, with those that its type often has. */
export function DefaultInput({ at, label = "Default" }: { at: number; label?: string }) {
  const id = useId();
  const { register, setValue, control, formState } = useFormContext<TableDraft>();
  const column = useWatch({ control, name: `columns.${at}` });
  const valuesOf = useEnumValues();
  if (!column) return null;
  const error = formState.errors.columns?.[at]?.default?.message;
  const without = column.identity ? "numbered by itself" : column.generation ? "computed" : undefined;
  const bare = !without && isBareWord(column.default);
  return (
    <>
      <Input
        {...(without ? { value: "", readOnly: true, disabled: true } : register(`columns.${at}.default`))}
        id={id}
        list={`${id}-list`}
        aria-label={label}
        aria-invalid={Boolean(error)}
        placeholder={without ?? "none"}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        className="font-mono sm:text-xs"
      />
      <datalist id={`${id}-list`}>
        {defaultsOf(column.type, column.array, valuesOf(column.type)).map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </datalist>
      {error && (
        <p role="alert" className="mt-1 text-xs text-danger">
          {error}
        </p>
      )}
      {bare && (
        <p className="mt-1 text-xs text-muted">
          An expression stands here.{" "}
          <Button variant="link" size="inline" className="text-xs underline" onClick={() => setValue(`columns.${at}.default`, literal(column.default.trim()), { shouldDirty: true })}>
            Use the text {literal(column.default.trim())}
          </Button>
          <span className="sr-only"> as the default of type {sqlType(column)}</span>
        </p>
      )}
    </>
  );
}
