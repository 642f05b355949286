import { z } from "zod/mini";

/** What can be opened beside a page to change the schema, as search parameters name it. */
export const edits = ["new-table", "duplicate", "table", "column", "policies", "indexes", "drop", "new-view", "view"] as const;

export type Edit = (typeof edits)[number];

/** For a route's validateSearch: which sheet is open, and at what in it. */
export const editSearch = {
  edit: z.catch(z.optional(z.enum(edits)), undefined),
  /** Of edit=column: its name; none for a new one. */
  column: z.catch(z.optional(z.string()), undefined),
  /** Of edit=policies or indexes: the policy's name, or "new". */
  item: z.catch(z.optional(z.string()), undefined),
};
