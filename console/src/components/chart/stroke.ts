/** One hue in four shades; beyond that the line's dashes tell series apart, as they do for who sees no shades. */
const shades = ["var(--accent)", "color-mix(in oklab, var(--accent) 55%, var(--foreground))", "color-mix(in oklab, var(--accent) 60%, var(--background))", "var(--faint)"];
const dashes = [undefined, "5 3", "2 2", "8 3 2 3"];

export interface Stroke {
  color: string;
  dash?: string;
}

export function strokeOf(index: number): Stroke {
  return { color: shades[index % shades.length]!, dash: dashes[(index + Math.floor(index / shades.length)) % dashes.length] };
}
