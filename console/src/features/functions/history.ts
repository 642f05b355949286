import { z } from "zod";
import type { Given } from "@/features/functions/call";
import { recall, remember } from "@/lib/remembered";

/** A call that this browser remembers. */
export interface PastCall {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  took: number;
  as?: string;
  /** By the arguments' places; undefined when they were too large to be kept. */
  values?: Record<string, Given>;
  rows?: number;
  error?: string;
}

const given = z.union([z.object({ is: z.literal("value"), text: z.string() }), z.object({ is: z.literal("null") }), z.object({ is: z.literal("default") })]);

const schema: z.ZodType<PastCall[]> = z.array(
  z.object({ id: z.string(), at: z.number(), took: z.number(), as: z.string().optional(), values: z.record(z.string(), given).optional(), rows: z.number().optional(), error: z.string().optional() }),
);

const most = 50;
const longest = 20_000;

export const readCalls = (place: string): PastCall[] => recall(place, schema) ?? [];

/** With one more call, of which too large values are left out. */
export function withCall(calls: PastCall[], call: PastCall): PastCall[] {
  const large = JSON.stringify(call.values ?? {}).length > longest;
  return [{ ...call, values: large ? undefined : call.values, error: call.error?.slice(0, 500) }, ...calls].slice(0, most);
}

export const keepCalls = (place: string, calls: PastCall[]): void => remember(place, calls);
