import { createContext, useContext, useSyncExternalStore } from "react";
import { relatedTo, type Diagram } from "@/features/diagram/model";

export type Look = "plain" | "chosen" | "related" | "found" | "dim";

/** What is lit and what steps back. Kept beside React's state, so that a hover draws anew only what it changes. */
export class Highlight {
  private hovered?: string;
  private chosen?: string;
  private found?: Set<string>;
  private related?: Set<string>;
  private readonly listeners = new Set<() => void>();

  constructor(private diagram: Diagram) {}

  set(next: { diagram?: Diagram; hovered?: string | null; chosen?: string | null; found?: Set<string> | null }) {
    if (next.diagram) this.diagram = next.diagram;
    if (next.hovered !== undefined) this.hovered = next.hovered ?? undefined;
    if (next.chosen !== undefined) this.chosen = next.chosen ?? undefined;
    if (next.found !== undefined) this.found = next.found ?? undefined;
    const middle = this.hovered ?? this.chosen;
    this.related = middle === undefined ? undefined : relatedTo(this.diagram, middle);
    for (const listener of this.listeners) listener();
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  table(id: string): Look {
    if (this.related) return id === (this.hovered ?? this.chosen) ? "chosen" : this.related.has(id) ? "related" : "dim";
    if (this.found) return this.found.has(id) ? "found" : "dim";
    return "plain";
  }

  line(from: string, to: string): Look {
    const middle = this.hovered ?? this.chosen;
    if (middle !== undefined) return from === middle || to === middle ? "related" : "dim";
    return this.found ? "dim" : "plain";
  }
}

export const HighlightContext = createContext<Highlight | undefined>(undefined);

export function useTableLook(id: string): Look {
  const highlight = useContext(HighlightContext)!;
  return useSyncExternalStore(highlight.subscribe, () => highlight.table(id));
}

export function useLineLook(from: string, to: string): Look {
  const highlight = useContext(HighlightContext)!;
  return useSyncExternalStore(highlight.subscribe, () => highlight.line(from, to));
}
