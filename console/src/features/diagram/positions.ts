import { z } from "zod";
import type { Point } from "@/features/diagram/geometry";
import { recall, remember } from "@/lib/remembered";

const schema = z.record(z.string(), z.object({ x: z.number(), y: z.number() }));
const place = (ref: string) => `fluxbase-diagram-${ref}`;

/** Where tables were put by hand, in this browser. */
export const readPositions = (ref: string): Record<string, Point> => recall(place(ref), schema) ?? {};

export const keepPositions = (ref: string, positions: Map<string, Point>): void => remember(place(ref), { ...readPositions(ref), ...Object.fromEntries(positions) });

export function forgetPositions(ref: string, ids: string[]): void {
  const kept = readPositions(ref);
  const gone = new Set(ids);
  remember(place(ref), Object.fromEntries(Object.entries(kept).filter(([id]) => !gone.has(id))));
}
