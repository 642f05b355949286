import { took } from "@/lib/format";

/** Plans are fast: their times need digits. */
export function precise(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "—";
  return milliseconds < 100 ? `${milliseconds < 1 ? milliseconds.toFixed(3) : milliseconds.toFixed(1)} ms` : took(milliseconds);
}
