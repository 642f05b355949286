import { z } from "zod";
import { asDefault, type NewValue, type Values } from "@/features/tables/change";
import { faultIn } from "@/features/tables/check";
import { kindOf } from "@/features/tables/kind";
import type { CatalogColumn } from "@/lib/catalog";
import { indented } from "@/lib/json-text";

/** A column's value in a form. */
export interface Field {
  mode: "value" | "null" | "default";
  text: string;
}

export interface RowValues {
  fields: Field[];
}

/** Checks the values of a form, field by field. Columns that may not be written are passed over. */
export function rowSchema(columns: CatalogColumn[], writable: (column: string) => boolean) {
  return z
    .object({ fields: z.array(z.object({ mode: z.enum(["value", "null", "default"]), text: z.string() })) })
    .superRefine(({ fields }, context) => {
      for (const [at, column] of columns.entries()) {
        const field = fields[at];
        if (!field || !writable(column.name)) continue;
        const message = field.mode === "value" ? faultIn(column, field.text) : field.mode === "null" && !column.nullable ? "A value must be given: null is not allowed." : undefined;
        if (message) context.addIssue({ code: "custom", message, path: ["fields", at, "text"] });
      }
    });
}

export const hasDefault = (column: CatalogColumn): boolean => column.default !== null || column.identity !== null;

/** What a new row begins with: defaults where there are some, given values where a row is copied. */
export function newFields(columns: CatalogColumn[], given?: Values): Field[] {
  return columns.map((column) => {
    const value = given && Object.hasOwn(given, column.name) ? given[column.name]! : undefined;
    if (typeof value === "string") return { mode: "value", text: value };
    if (value === null && column.nullable) return { mode: "null", text: "" };
    if (hasDefault(column) || column.generated) return { mode: "default", text: "" };
    return { mode: column.nullable ? "null" : "value", text: "" };
  });
}

export function fieldsOf(columns: CatalogColumn[], values: readonly (string | null)[]): Field[] {
  return values.map((value, at) => (value === null ? { mode: "null", text: "" } : { mode: "value", text: asEdited(columns[at]!, value) }));
}

/** A value as it is edited. Lines that somebody made in JSON are kept: the type json keeps a text as it was written. */
export function asEdited(column: CatalogColumn, value: string): string {
  return kindOf(column) === "json" && !value.includes("\n") ? indented(value) : value;
}

const valueOf = ({ mode, text }: Field): NewValue => (mode === "null" ? null : mode === "default" ? asDefault : text);

/** What is written: for a new row all but defaults, else only what differs from before. */
export function written(columns: CatalogColumn[], fields: Field[], before: Field[] | undefined, writable: (column: string) => boolean): Values {
  const out: Values = {};
  for (const [at, column] of columns.entries()) {
    const field = fields[at]!;
    const old = before?.[at];
    if (!writable(column.name) || (old ? same(old, field) : field.mode === "default")) continue;
    out[column.name] = valueOf(field);
  }
  return out;
}

const same = (a: Field, b: Field) => a.mode === b.mode && (a.mode !== "value" || a.text === b.text);
