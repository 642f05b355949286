/**
 * Whether what is looked for names an item: each of its words stands in it somewhere. Better at the start of a word than within one, and better in
 * its own name than in that of the area before it ("Project · Auth · Users").
 */
export function match(value: string, search: string): number {
  const text = value.toLowerCase();
  const own = text.lastIndexOf(" · ") + 1;
  let score = 1;
  for (const word of search.toLowerCase().split(/\s+/).filter(Boolean)) {
    const places: number[] = [];
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) places.push((begins(text, word, at) ? 1 : 0.5) * (at >= own ? 1 : 0.7));
    if (places.length === 0) return 0;
    score *= Math.max(...places);
  }
  return score;
}

/** Whether a word begins there, or what was looked for begins with no letter itself. */
const begins = (text: string, word: string, at: number): boolean => at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]!) || !/^[\p{L}\p{N}]/u.test(word);
