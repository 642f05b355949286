/** Lists of names and values as they stand in addresses: id.42,"a,b"."c". What is not plain stands in JSON's quotes. */

/** A name or value, quoted where it must be. */
export function quoted(text: string): string {
  return /^[\p{L}\p{N}_:+@/-][\p{L}\p{N}_:+@/ -]*$/u.test(text) && text.trim() === text ? text : JSON.stringify(text);
}

/** Reads such text from the left. Every method throws a SyntaxError when something else stands there. */
export class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** Takes the mark if it is next. */
  takes(mark: string): boolean {
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  expect(mark: string): void {
    if (!this.takes(mark)) throw new SyntaxError(`"${mark}" is missing at ${this.at}.`);
  }

  word(): string {
    const rest = this.text.slice(this.at);
    const found = (rest.startsWith('"') ? /^"(?:[^"\\]|\\.)*"/s : /^[^".,()]+/).exec(rest)?.[0];
    if (!found) throw new SyntaxError(`A word is missing at ${this.at}.`);
    this.at += found.length;
    return found.startsWith('"') ? (JSON.parse(found) as string) : found;
  }
}
