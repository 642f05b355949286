import { timestampFromDate, type Timestamp } from "@bufbuild/protobuf/wkt";

/** How long a key or token may live, as people choose it. */
export const expiries = [
  { value: "", label: "Never" },
  { value: "7", label: "In 7 days" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
] as const;

export function expiryOf(days: string): Timestamp | undefined {
  if (!days) return undefined;
  return timestampFromDate(new Date(Date.now() + Number(days) * 86_400_000));
}
