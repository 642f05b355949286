import { formatArray } from "@/features/tables/array";
import { kindOf } from "@/features/tables/kind";
import type { CatalogColumn } from "@/lib/catalog";

const truths: Record<string, string> = { t: "true", y: "true", "1": "true", f: "false", n: "false", "0": "false" };

/** What a key makes of a value that it is typed over; undefined where it means none, and the value is edited as it is. */
export function begun(column: Pick<CatalogColumn, "array" | "kind" | "base_type" | "values">, typed: string): string | undefined {
  switch (kindOf(column)) {
    case "boolean":
      return truths[typed.toLowerCase()];
    case "enum":
      return choice(column.values, typed);
    case "array": {
      if (typed === "{") return typed;
      const element = column.kind === "e" ? choice(column.values, typed) : typed;
      return element === undefined ? undefined : formatArray([element]);
    }
    default:
      return typed;
  }
}

const choice = (values: string[] | null, typed: string) => values?.find((each) => each.toLowerCase().startsWith(typed.toLowerCase()));
