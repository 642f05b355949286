import { startTransition, useEffect, useState, type RefObject } from "react";

interface Turn {
  /** Whether it is on screen. */
  seen: boolean;
  draw: () => void;
}

/** What waits to be drawn. What is on screen comes first, and else who came first. */
const waiting = new Set<Turn>();
let drawing: Turn | undefined;

function next() {
  if (drawing) return;
  const turns = [...waiting];
  drawing = turns.find(({ seen }) => seen) ?? turns[0];
  if (!drawing) return;
  waiting.delete(drawing);
  startTransition(drawing.draw);
}

/** The next one comes after the browser could answer and paint. */
const later = () => requestAnimationFrame(() => setTimeout(next));

function end(turn: Turn | undefined) {
  if (!turn) return;
  waiting.delete(turn);
  if (drawing !== turn) return;
  drawing = undefined;
  later();
}

/**
 * A value, later: when it is its turn to be drawn. To draw a chart takes a while; each has a task of its own, at first and whenever its
 * values change, so that a page of many does not stand still.
 */
export function useInTurn<T>(value: T, ready: boolean, place: RefObject<Element | null>): T | undefined {
  const [drawn, setDrawn] = useState<{ value: T; turn: Turn }>();
  useEffect(() => {
    if (!ready) return;
    const turn: Turn = { seen: false, draw: () => setDrawn({ value, turn }) };
    const sight = new IntersectionObserver((entries) => (turn.seen = entries.at(-1)!.isIntersecting));
    if (place.current) sight.observe(place.current);
    waiting.add(turn);
    if (!drawing) later();
    return () => {
      sight.disconnect();
      end(turn);
    };
  }, [value, ready, place]);
  useEffect(() => end(drawn?.turn), [drawn]); // it stands on the page
  return drawn?.value;
}
