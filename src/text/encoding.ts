// What a text becomes: columns with one entry a token. Those that a caller may not want are made when they are asked for.

/** Tokens [start, end) of an encoding that come from one of its texts. */
export type SequenceRange = { readonly sequence: 0 | 1; readonly start: number; readonly end: number };

/** The columns of an encoding that cannot be told from others. */
export type EncodingColumns = {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
  /** -1 where there is no word. */
  readonly words: number[];
  readonly typeIds: number[];
  readonly specialTokensMask: number[];
  readonly attentionMask: number[];
  /** The token's text where it is not its id's. */
  readonly texts: ReadonlyMap<number, string>;
  readonly sequences: readonly SequenceRange[];
};

export class Encoding {
  readonly ids: number[];
  /** 0 for the first text, 1 for the second. */
  readonly typeIds: number[];
  /** 1 where the post-processor or padding put a token that the text does not hold. */
  readonly specialTokensMask: number[];
  /** 1 where the model should look, 0 at padding. */
  readonly attentionMask: number[];
  /** What truncation cut off, in encodings as long as this one. */
  readonly overflowing: readonly Encoding[];
  readonly #columns: EncodingColumns;
  readonly #textOf: ((id: number) => string) | null;
  #tokens: string[] | null = null;
  #offsets: [start: number, end: number][] | null = null;
  #wordIds: (number | null)[] | null = null;
  #sequenceIds: (number | null)[] | null = null;

  constructor(
    columns: EncodingColumns,
    textOf: ((id: number) => string) | null,
    overflowing: readonly Encoding[] = [],
  ) {
    this.#columns = columns;
    this.#textOf = textOf;
    this.ids = columns.ids;
    this.typeIds = columns.typeIds;
    this.specialTokensMask = columns.specialTokensMask;
    this.attentionMask = columns.attentionMask;
    this.overflowing = overflowing;
  }

  get length(): number {
    return this.ids.length;
  }

  get tokens(): string[] {
    this.#tokens ??= this.ids.map((id, at) => this.#columns.texts.get(at) ?? this.#textOf?.(id) ?? "");
    return this.#tokens;
  }

  /** UTF-16 units of the original: `text.slice(start, end)` is what the token stands for. */
  get offsets(): [start: number, end: number][] {
    const { starts, ends } = this.#columns;
    this.#offsets ??= starts.map((start, at) => [start, ends[at] as number]); // as long as starts
    return this.#offsets;
  }

  /** The word of the text that the token is part of, counted from 0; null where there is none. */
  get wordIds(): (number | null)[] {
    this.#wordIds ??= this.#columns.words.map((word) => (word < 0 ? null : word));
    return this.#wordIds;
  }

  /** 0 for the first text, 1 for the second, null for special tokens; all 0 where no post-processor told them apart. */
  get sequenceIds(): (number | null)[] {
    if (this.#sequenceIds === null) {
      const unknown = this.#columns.sequences.length === 0;
      const ids = new Array<number | null>(this.length).fill(unknown ? 0 : null);
      for (const { sequence, start, end } of this.#columns.sequences) ids.fill(sequence, start, end);
      this.#sequenceIds = ids;
    }
    return this.#sequenceIds;
  }

  /** How many texts it holds. */
  get sequences(): number {
    return Math.max(1, this.#columns.sequences.length);
  }

  /** The token that holds the unit `char` of a text. */
  charToToken(char: number, sequence: 0 | 1 = 0): number | null {
    const { starts, ends } = this.#columns;
    const range = this.#range(sequence);
    for (let at = range.start; at < range.end; at++) {
      if (char >= (starts[at] as number) && char < (ends[at] as number)) return at;
    }
    return null;
  }

  /** The word that holds the unit `char` of a text. */
  charToWord(char: number, sequence: 0 | 1 = 0): number | null {
    const token = this.charToToken(char, sequence);
    return token === null ? null : this.tokenToWord(token);
  }

  /** The units that a token stands for; null for special tokens and beyond the end. */
  tokenToChars(token: number): [start: number, end: number] | null {
    return this.tokenToSequence(token) === null ? null : (this.offsets[token] ?? null);
  }

  tokenToWord(token: number): number | null {
    return this.tokenToSequence(token) === null ? null : (this.wordIds[token] ?? null);
  }

  /** The text that a token comes from; null for special tokens. */
  tokenToSequence(token: number): number | null {
    return this.sequenceIds[token] ?? null;
  }

  /** The tokens [start, end) of a word. */
  wordToTokens(word: number, sequence: 0 | 1 = 0): [start: number, end: number] | null {
    const { words } = this.#columns;
    const range = this.#range(sequence);
    const start = words.indexOf(word, range.start);
    if (start < 0 || start >= range.end) return null;
    let end = start + 1;
    while (end < range.end && words[end] === word) end++;
    return [start, end];
  }

  /** The units that a word stands for. */
  wordToChars(word: number, sequence: 0 | 1 = 0): [start: number, end: number] | null {
    const tokens = this.wordToTokens(word, sequence);
    if (tokens === null) return null;
    const [first, last] = [tokens[0], tokens[1] - 1];
    return [this.#columns.starts[first] as number, this.#columns.ends[last] as number];
  }

  #range(sequence: 0 | 1): { readonly start: number; readonly end: number } {
    const { sequences } = this.#columns;
    if (sequences.length === 0) return { start: 0, end: this.length };
    return sequences.find((range) => range.sequence === sequence) ?? { start: 0, end: this.length };
  }

  /** The tokens [start, end), of no sequence. */
  slice(start: number, end: number, overflowing: readonly Encoding[] = []): Encoding {
    const { ids, starts, ends, words, typeIds, specialTokensMask, attentionMask, texts } = this.#columns;
    const kept = [...texts].filter(([at]) => at >= start && at < end).map(([at, text]) => [at - start, text] as const);
    return this.with(
      {
        ids: ids.slice(start, end),
        starts: starts.slice(start, end),
        ends: ends.slice(start, end),
        words: words.slice(start, end),
        typeIds: typeIds.slice(start, end),
        specialTokensMask: specialTokensMask.slice(start, end),
        attentionMask: attentionMask.slice(start, end),
        texts: new Map(kept),
        sequences: [],
      },
      overflowing,
    );
  }

  /** The same with some columns changed. */
  with(columns: Partial<EncodingColumns>, overflowing: readonly Encoding[] = this.overflowing): Encoding {
    return new Encoding({ ...this.#columns, ...columns }, this.#textOf, overflowing);
  }

  /** The same as the text number `sequence`, with what overflowed. */
  asSequence(sequence: 0 | 1, typeId: number): Encoding {
    return this.with(
      { typeIds: new Array(this.length).fill(typeId), sequences: [{ sequence, start: 0, end: this.length }] },
      this.overflowing.map((one) => one.with({ sequences: [{ sequence, start: 0, end: one.length }] })),
    );
  }

  /** The columns as they are kept. */
  get columns(): EncodingColumns {
    return this.#columns;
  }

  /** The encodings behind one another. What overflowed of each goes with all the others. */
  static concat(parts: readonly Encoding[]): Encoding {
    const [first, ...rest] = parts;
    if (first === undefined) return new Encoding(emptyColumns(), null);
    const textOf = parts.map((part) => part.#textOf).find((one) => one !== null) ?? null;
    const named = (part: Encoding) => new Encoding(part.#columns, textOf, part.overflowing);
    return rest.reduce(joined, named(first));
  }
}

function joined(left: Encoding, right: Encoding): Encoding {
  const overflowing: Encoding[] = [];
  for (const one of left.overflowing) {
    overflowing.push(joined(one, withoutOverflow(right)));
    for (const other of right.overflowing) overflowing.push(joined(one, other));
  }
  for (const other of right.overflowing) overflowing.push(joined(withoutOverflow(left), other));
  const [a, b] = [left.columns, right.columns];
  const by = left.length;
  const texts = b.texts.size === 0 ? a.texts : new Map([...a.texts, ...[...b.texts].map(shifted(by))]);
  const sequences = b.sequences.map(({ sequence, start, end }) => ({ sequence, start: start + by, end: end + by }));
  return left.with(
    {
      ids: a.ids.concat(b.ids),
      starts: a.starts.concat(b.starts),
      ends: a.ends.concat(b.ends),
      words: a.words.concat(b.words),
      typeIds: a.typeIds.concat(b.typeIds),
      specialTokensMask: a.specialTokensMask.concat(b.specialTokensMask),
      attentionMask: a.attentionMask.concat(b.attentionMask),
      texts,
      sequences: [...a.sequences, ...sequences],
    },
    overflowing,
  );
}

function withoutOverflow(encoding: Encoding): Encoding {
  return encoding.overflowing.length === 0 ? encoding : encoding.with({}, []);
}

function shifted(by: number): (entry: readonly [number, string]) => readonly [number, string] {
  return ([at, text]) => [at + by, text];
}

export function emptyColumns(): EncodingColumns & { readonly texts: Map<number, string> } {
  return {
    ids: [],
    starts: [],
    ends: [],
    words: [],
    typeIds: [],
    specialTokensMask: [],
    attentionMask: [],
    texts: new Map(),
    sequences: [],
  };
}

/** Tokens that stand for nothing in the text. */
export function specialEncoding(ids: readonly number[], tokens: readonly string[], typeId: number): Encoding {
  const filled = (value: number) => new Array<number>(ids.length).fill(value);
  return new Encoding(
    {
      ids: [...ids],
      starts: filled(0),
      ends: filled(0),
      words: filled(-1),
      typeIds: filled(typeId),
      specialTokensMask: filled(1),
      attentionMask: filled(1),
      texts: new Map(tokens.entries()),
      sequences: [],
    },
    null, // each text is given
  );
}
