/** Where the focus stands: the row -1 is the header's. */
export interface Spot {
  row: number;
  at: number;
}

interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
}

interface Bounds {
  rows: number;
  columns: number;
  /** Rows of a page. */
  page: number;
}

/** Where a key leads from a cell; undefined for keys that lead nowhere. */
export function spotAfter({ key, ctrlKey, metaKey }: Key, { row, at }: Spot, { rows, columns, page }: Bounds): Spot | undefined {
  const far = ctrlKey || metaKey;
  const most = { row: rows - 1, at: columns - 1 };
  const bounded = (next: Spot): Spot => ({ row: Math.min(Math.max(next.row, -1), most.row), at: Math.min(Math.max(next.at, 0), most.at) });
  switch (key) {
    case "ArrowUp":
      return bounded({ row: far && row > 0 ? 0 : row - 1, at });
    case "ArrowDown":
      return bounded({ row: far ? most.row : row + 1, at });
    case "ArrowLeft":
      return bounded({ row, at: far ? 0 : at - 1 });
    case "ArrowRight":
      return bounded({ row, at: far ? most.at : at + 1 });
    case "Home":
      return bounded({ row: far ? Math.min(0, most.row) : row, at: 0 });
    case "End":
      return bounded({ row: far ? most.row : row, at: most.at });
    case "PageUp":
      return bounded({ row: row <= 0 ? row : Math.max(0, row - page), at });
    case "PageDown":
      return bounded({ row: row + page, at });
  }
  return undefined;
}

/** A rectangle of cells. */
export interface Range {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export function rangeBetween(a: Spot, b: Spot): Range {
  return { top: Math.max(0, Math.min(a.row, b.row)), bottom: Math.max(a.row, b.row), left: Math.min(a.at, b.at), right: Math.max(a.at, b.at) };
}

/** Whether the key types something, and does not command. */
export function types({ key, ctrlKey, metaKey }: Key): boolean {
  return !ctrlKey && !metaKey && key !== " " && [...key].length === 1;
}
