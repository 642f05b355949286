import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import type { TableDraft } from "@/features/schema-edit/draft";
import { manyOf, risksOf, type Risk } from "@/features/schema-edit/risks";
import type { Names } from "@/lib/pg";
import { useHere } from "@/lib/project-data";

export interface CountedRisk extends Risk {
  /** Undefined while it is counted, null when it could not be. */
  found: number | null | undefined;
}

/** What a change does to what is in the table, counted there. */
export function useRisks(standing: TableDraft | undefined, asked: TableDraft, names: Names): { risks: CountedRisk[]; losing: boolean; counting: boolean } {
  const { project, meta } = useHere();
  const all = useMemo(() => (standing ? risksOf(standing, asked, names) : []), [standing, asked, names]);
  const counts = useQueries({
    queries: all.map((risk) => ({
      queryKey: ["rows", project.ref, "count", risk.count],
      queryFn: async ({ signal }: { signal: AbortSignal }) => Number((await meta.query(risk.count!, signal, { readOnly: true }))[0]?.rows[0]?.[0] ?? 0),
      enabled: Boolean(risk.count),
      retry: false,
      staleTime: 0,
      gcTime: 0,
    })),
  });
  const every = all.map((risk, at) => ({ ...risk, found: !risk.count || counts[at]?.isError ? null : counts[at]?.data }));
  const risks = every.filter((risk) => !(risk.quiet && (risk.found === 0 || risk.found === undefined)));
  const counting = every.some((risk) => risk.quiet && !risk.refused && risk.found === undefined);
  return { risks, losing: risks.some((risk) => !risk.refused && risk.found !== 0), counting };
}

export function RiskNotes({ risks }: { risks: CountedRisk[] }) {
  return (
    <ul className="flex flex-col gap-1" aria-live="polite">
      {risks.map((risk) => (
        <li key={risk.id}>{risk.words(risk.found === undefined ? "…" : risk.found === null ? "an unknown number of" : risk.found === 0 ? "no" : manyOf(risk.found), risk.found === 1)}</li>
      ))}
    </ul>
  );
}
