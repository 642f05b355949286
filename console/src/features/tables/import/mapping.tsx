import { Input, Select } from "@/components/ui/input";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { offered, type NewColumn, type Offered } from "@/features/tables/import/detect";
import { CellValue } from "@/components/data-grid/value";
import type { CatalogColumn } from "@/lib/catalog";

interface PreviewProps {
  fields: string[];
  rows: (string | null)[][];
}

/** The first rows of a file as they are understood. */
export function PreviewTable({ fields, rows }: PreviewProps) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
    <div className="max-h-52 overflow-auto rounded-md border border-border" tabIndex={0} role="region" aria-label="First rows of the file">
      <table className="w-full border-collapse text-xs">
        <thead>
          <tr>
            {fields.map((field) => (
              <th key={field} scope="col" className="sticky top-0 border-b border-border bg-surface px-2 py-1.5 text-left font-medium whitespace-nowrap">
                {field}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 8).map((row, at) => (
            // oxlint-disable-next-line react/no-array-index-key -- rows of a file have no other identity
            <tr key={at}>
              {fields.map((field, index) => (
                <td key={field} className="max-w-60 truncate border-b border-border px-2 py-1 font-mono whitespace-nowrap">
                  <CellValue value={row[index] ?? null} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface MappingProps {
  fields: string[];
  columns: CatalogColumn[];
  mapping: (string | undefined)[];
  onChange: (mapping: (string | undefined)[]) => void;
}

/** Which column each field of the file goes to. */
export function Mapping({ fields, columns, mapping, onChange }: MappingProps) {
  const missing = columns.filter((each) => !each.nullable && each.default === null && !each.identity && !each.generated && !mapping.includes(each.name));
  return (
    <div className="flex flex-col gap-2">
      <Table>
        <thead>
          <tr>
            <Th>In the file</Th>
            <Th>In the table</Th>
          </tr>
        </thead>
        <tbody>
          {fields.map((field, at) => (
            <Tr key={field}>
              <Td className="max-w-52 truncate font-mono text-xs">{field}</Td>
              <Td className="py-1">
                <Select aria-label={`Column for ${field}`} value={mapping[at] ?? ""} onChange={(event) => onChange(mapping.map((old, index) => (index === at ? event.target.value || undefined : old === event.target.value ? undefined : old)))}>
                  <option value="">Leave out</option>
                  {columns
                    .filter((each) => !each.generated && each.identity !== "always")
                    .map((each) => (
                      <option key={each.name} value={each.name}>
                        {each.name} · {each.type}
                      </option>
                    ))}
                </Select>
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {missing.length > 0 && (
        <p role="alert" className="text-xs text-warning">
          {missing.map((each) => each.name).join(", ")} must have a value, and nothing of the file goes there.
        </p>
      )}
    </div>
  );
}

interface NewColumnsProps {
  columns: (NewColumn & { kept: boolean })[];
  fields: string[];
  onChange: (columns: (NewColumn & { kept: boolean })[]) => void;
}

/** The columns of the table that is made for a file. */
export function NewColumns({ columns, fields, onChange }: NewColumnsProps) {
  return (
    <Table>
      <thead>
        <tr>
          <Th>In the file</Th>
          <Th>Column</Th>
          <Th>Type</Th>
        </tr>
      </thead>
      <tbody>
        {columns.map((column, at) => (
          <Tr key={fields[at]}>
            <Td className="max-w-40">
              <label className="flex items-center gap-2 font-mono text-xs">
                <input type="checkbox" className="size-3.5 accent-(--accent)" checked={column.kept} onChange={(event) => onChange(columns.with(at, { ...column, kept: event.target.checked }))} />
                <span className="truncate">{fields[at]}</span>
              </label>
            </Td>
            <Td className="py-1">
              <Input aria-label={`Name for ${fields[at]}`} className="font-mono" value={column.name} disabled={!column.kept} spellCheck={false} onChange={(event) => onChange(columns.with(at, { ...column, name: event.target.value }))} />
            </Td>
            <Td className="py-1">
              <Select aria-label={`Type of ${fields[at]}`} value={column.type} disabled={!column.kept} onChange={(event) => onChange(columns.with(at, { ...column, type: event.target.value as Offered }))}>
                {offered.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </Select>
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
