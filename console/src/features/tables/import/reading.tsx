import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import type { Format, Reading } from "@/features/tables/import/source";

interface Props {
  reading: Reading;
  onChange: (said: Partial<Reading>) => void;
}

/** How the file is read: guessed, and to be put right. */
export function ReadingFields({ reading, onChange }: Props) {
  const { delimiter } = reading.dialect;
  return (
    <div className="grid grid-cols-2 gap-3 sm:grid-cols-5">
      <Field label="Format">
        <Select value={reading.format} onChange={(event) => onChange({ format: event.target.value as Format })}>
          <option value="csv">CSV or TSV</option>
          <option value="json">JSON</option>
          <option value="ndjson">NDJSON</option>
        </Select>
      </Field>
      <Field label="Encoding">
        <Select value={reading.encoding} onChange={(event) => onChange({ encoding: event.target.value })}>
          <option value="utf-8">UTF-8</option>
          <option value="utf-16le">UTF-16</option>
          <option value="utf-16be">UTF-16 BE</option>
          <option value="windows-1252">Windows-1252</option>
        </Select>
      </Field>
      {reading.format === "csv" && (
        <>
          <Field label="Delimiter">
            <Select value={delimiter} onChange={(event) => onChange({ dialect: { ...reading.dialect, delimiter: event.target.value } })}>
              <option value=",">Comma</option>
              <option value={"\t"}>Tab</option>
              <option value=";">Semicolon</option>
              <option value="|">Bar</option>
              {![",", "\t", ";", "|"].includes(delimiter) && <option value={delimiter}>{delimiter}</option>}
            </Select>
          </Field>
          <Field label="First line">
            <Select value={reading.header ? "names" : "values"} onChange={(event) => onChange({ header: event.target.value === "names" })}>
              <option value="names">Names</option>
              <option value="values">Values</option>
            </Select>
          </Field>
          <Field label="Empty is">
            <Select value={reading.emptyIsNull ? "null" : "text"} onChange={(event) => onChange({ emptyIsNull: event.target.value === "null" })}>
              <option value="null">null</option>
              <option value="text">empty text</option>
            </Select>
          </Field>
        </>
      )}
    </div>
  );
}
