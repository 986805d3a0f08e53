// Texts repeat their words, so what was made of a word is kept. The cache is bounded twice: in words, and in what each
// holds on to, for a string cut from a text keeps that whole text alive.

const WORDS = 1 << 17;
const LONGEST = 256;

export class WordCache<T> {
  readonly #made = new Map<string, T>();
  readonly #make: (word: string) => T;

  constructor(make: (word: string) => T) {
    this.#make = make;
  }

  get(word: string): T {
    const known = this.#made.get(word);
    if (known !== undefined) return known;
    const made = this.#make(word);
    if (word.length > LONGEST) return made;
    if (this.#made.size >= WORDS) this.#made.clear();
    this.#made.set(detached(word), made);
    return made;
  }
}

/** The same string, with memory of its own. */
export function detached(word: string): string {
  return ` ${word}`.slice(1);
}
