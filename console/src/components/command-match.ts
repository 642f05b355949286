/** Whether what is looked for names an item: each of its words stands in it somewhere. Better the nearer to the start of a word. */
export function match(value: string, search: string): number {
  const text = value.toLowerCase();
  let score = 1;
  for (const word of search.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = text.indexOf(word);
    if (at < 0) return 0;
    const begins = at === 0 || [...text.matchAll(/[^\p{L}\p{N}]+/gu)].some((gap) => text.startsWith(word, gap.index + gap[0].length) || text.startsWith(word, gap.index));
    if (!begins) score *= 0.5;
  }
  return score;
}
