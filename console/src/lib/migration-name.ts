/** A migration's name as files of Supabase's command line have it: create_table_order_items. */
export function migrationName(text: string): string {
  const name = text
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .toLowerCase()
    .slice(0, 80)
    .replace(/_+$/, "");
  return name || "change";
}
