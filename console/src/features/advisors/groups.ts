import type { Advice } from "@/lib/catalog";

export const levels = ["error", "warning", "info"] as const;

export interface AdviceGroup {
  rule: string;
  title: string;
  explanation: string;
  items: Advice[];
}

export interface Chosen {
  category: Advice["category"];
  level?: Advice["level"];
  filter?: string;
  /** Whether an advice is shown, of those that are ignored or those that are not. */
  shown: (key: string) => boolean;
}

/** What the page shows of all advice, the worst first. */
export function choose(advice: Advice[], { category, level, filter, shown }: Chosen): Advice[] {
  const wanted = filter?.toLowerCase() ?? "";
  return advice.filter(
    (each) =>
      each.category === category && (!level || each.level === level) && shown(each.key) && (!wanted || [each.title, each.rule, each.detail, each.schema, each.table, each.object].some((text) => text?.toLowerCase().includes(wanted))),
  );
}

/** Advice of one rule stands together, at its worst finding's place. */
export function group(advice: Advice[]): AdviceGroup[] {
  const groups = new Map<string, AdviceGroup>();
  for (const each of advice) {
    const known = groups.get(each.rule);
    if (known) known.items.push(each);
    else groups.set(each.rule, { rule: each.rule, title: each.title, explanation: each.explanation, items: [each] });
  }
  return [...groups.values()];
}
