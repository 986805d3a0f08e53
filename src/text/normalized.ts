// A text on its way through the tokenizer, and where each of its UTF-16 units came from. Normalizers rewrite it,
// pre-tokenizers slice it; because the alignment travels along, a token's offsets always point into the text that the
// user gave:
//
//   original  "Ça  va"        text  "ça va"         starts  0 1 2 4 5
//                                                   ends    1 2 4 5 6
//
// Most texts are never rewritten. Their alignment is the identity, which is held as no arrays at all.

export class Normalized {
  readonly text: string;
  /** Where the original of this text, which may be a slice of another, begins. */
  readonly origin: number;
  readonly starts: Int32Array | null;
  readonly ends: Int32Array | null;
  /** Units at the beginning that were put there, and stand for the first character behind them; the arrays leave them out. */
  readonly front: number;

  constructor(text: string, origin = 0, starts: Int32Array | null = null, ends: Int32Array | null = null, front = 0) {
    this.text = text;
    this.origin = origin;
    this.starts = starts;
    this.ends = ends;
    this.front = front;
  }

  /** Whether each unit stands for itself. */
  get plain(): boolean {
    return this.starts === null && this.front === 0;
  }

  /** Where the original of the unit at `at` begins. */
  startOf(at: number): number {
    const own = Math.max(0, at - this.front);
    if (this.starts === null) return this.origin + own;
    return this.starts[own] ?? this.ends?.at(-1) ?? this.origin;
  }

  /** Where the original of the unit before `at` ends. */
  endOf(at: number): number {
    const own = at > this.front || this.front === 0 ? at - this.front : lengthAt(this.text, this.front);
    if (this.ends === null) return this.origin + own;
    return own === 0 ? this.startOf(0) : (this.ends[own - 1] as number); // `at` is inside
  }

  slice(start: number, end: number): Normalized {
    if (start === 0 && end === this.text.length) return this;
    if (start < this.front && (start > 0 || end <= this.front)) return this.#spelledOut().slice(start, end);
    const text = this.text.slice(start, end);
    const front = start === 0 ? this.front : 0;
    const from = start === 0 ? 0 : start - this.front;
    if (this.starts === null || this.ends === null) return new Normalized(text, this.origin + from, null, null, front);
    const to = end - this.front;
    const [starts, ends] = [this.starts.subarray(from, to), this.ends.subarray(from, to)];
    return new Normalized(text, this.startOf(start), starts, ends, front);
  }

  /** The same without a front. */
  #spelledOut(): Normalized {
    const rewrite = new Rewrite(this);
    rewrite.keep(this.text.length);
    return rewrite.done();
  }

  /** The same alignment under a text of the same length. */
  withText(text: string): Normalized {
    return text === this.text ? this : new Normalized(text, this.origin, this.starts, this.ends, this.front);
  }

  /** Puts `prefix` before the text, if there is one; it stands for the first character. */
  prepend(prefix: string): Normalized {
    if (this.text === "") return this;
    if (this.front === 0) return new Normalized(prefix + this.text, this.origin, this.starts, this.ends, prefix.length);
    const rewrite = new Rewrite(this);
    rewrite.become(prefix, 0, lengthAt(this.text, 0));
    rewrite.keep(this.text.length);
    return rewrite.done();
  }

  /** Puts `suffix` behind the text, if there is one; it stands for the last character. */
  append(suffix: string): Normalized {
    if (this.text === "") return this;
    const rewrite = new Rewrite(this);
    rewrite.keep(this.text.length);
    rewrite.insert(suffix);
    return rewrite.done();
  }

  /** Rewrites what `pattern` (global) matches as what `change` says; a match stands for the last character it replaces. */
  replace(pattern: RegExp, content: string): Normalized {
    let rewrite: Rewrite | null = null;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(this.text); match !== null; match = pattern.exec(this.text)) {
      rewrite ??= new Rewrite(this);
      rewrite.keep(match.index);
      rewrite.skip(match.index + match[0].length);
      rewrite.insert(content);
      if (match[0] === "") pattern.lastIndex += lengthAt(this.text, match.index);
    }
    if (rewrite === null) return this;
    rewrite.keep(this.text.length);
    return rewrite.done();
  }

  /** Each character that `pattern` (global, one character a match) finds becomes what `change` says. */
  mapChars(pattern: RegExp, change: (char: string) => string): Normalized {
    let rewrite: Rewrite | null = null;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(this.text); match !== null; match = pattern.exec(this.text)) {
      rewrite ??= new Rewrite(this);
      rewrite.keep(match.index);
      const end = match.index + match[0].length;
      rewrite.become(change(match[0]), match.index, end);
      rewrite.skip(end);
    }
    if (rewrite === null) return this;
    rewrite.keep(this.text.length);
    return rewrite.done();
  }
}

/** Makes a new text out of an old one from left to right, with its alignment. */
export class Rewrite {
  readonly #old: Normalized;
  /** The units before this one of the old text are done with. */
  #at = 0;
  readonly #parts: string[] = [];
  #starts: Int32Array;
  #ends: Int32Array;
  #length = 0;

  constructor(old: Normalized) {
    this.#old = old;
    this.#starts = new Int32Array(old.text.length + 16);
    this.#ends = new Int32Array(old.text.length + 16);
  }

  get at(): number {
    return this.#at;
  }

  /** Takes the old text up to `end` as it is. */
  keep(end: number): void {
    if (end <= this.#at) return;
    this.keepAs(this.#old.text.slice(this.#at, end), end);
  }

  /** Takes the alignment of the old text up to `end` under `text`, which has as many units. */
  keepAs(text: string, end: number): void {
    const { starts, ends, front } = this.#old;
    const [from, count] = [this.#at, end - this.#at];
    this.#reserve(count);
    if (starts !== null && ends !== null && front === 0) {
      this.#starts.set(starts.subarray(from, end), this.#length);
      this.#ends.set(ends.subarray(from, end), this.#length);
      this.#length += count;
    } else {
      for (let i = 0; i < count; i++) this.#align(from + i);
    }
    this.#parts.push(text);
    this.#at = end;
  }

  /** Leaves the old text up to `end` out. */
  skip(end: number): void {
    this.#at = Math.max(this.#at, end);
  }

  /** New text that stands for the character before the place where we are. */
  insert(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) {
      if (this.#at > 0) this.#align(this.#at - 1);
      else {
        this.#starts[this.#length] = this.#old.origin;
        this.#ends[this.#length++] = this.#old.origin;
      }
    }
    this.#parts.push(text);
  }

  /** New text that stands for `[start, end)` of the old one. */
  become(text: string, start: number, end: number): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) {
      this.#starts[this.#length] = this.#old.startOf(start);
      this.#ends[this.#length++] = this.#old.endOf(end);
    }
    this.#parts.push(text);
  }

  /**
   * One character by Rust's rule: `change` 0 takes the place of the next old character, −n leaves n more after it out, and
   * a positive one is new and shares the alignment of the old character before.
   */
  put(char: string, change: number): void {
    if (change > 0) {
      this.insert(char);
      return;
    }
    this.#reserve(char.length);
    const at = Math.min(this.#at, this.#old.text.length - 1);
    for (let i = 0; i < char.length; i++) this.#align(at);
    this.#parts.push(char);
    this.pass(1 - change);
  }

  /** Leaves the next `chars` characters of the old text out. */
  pass(chars: number): void {
    for (let left = chars; left > 0 && this.#at < this.#old.text.length; left--)
      this.#at += lengthAt(this.#old.text, this.#at);
  }

  /** The last `units` of the new text stand for the old character at this place instead. */
  realign(units: number): void {
    this.#length -= units;
    for (let i = 0; i < units; i++) this.#align(Math.min(this.#at, this.#old.text.length - 1));
  }

  done(): Normalized {
    const [starts, ends] = [this.#starts.subarray(0, this.#length), this.#ends.subarray(0, this.#length)];
    return new Normalized(this.#parts.join(""), this.#old.origin, starts, ends);
  }

  /** The next unit stands for what the old unit `at` stands for: for the whole character, where that is half of one. */
  #align(at: number): void {
    let [start, end] = [at, at + 1];
    const unit = this.#old.text.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00) end++;
    else if (unit >= 0xdc00 && unit < 0xe000) start--;
    this.#starts[this.#length] = this.#old.startOf(start);
    this.#ends[this.#length++] = this.#old.endOf(end);
  }

  #reserve(count: number): void {
    const wanted = this.#length + count;
    if (wanted <= this.#starts.length) return;
    const size = Math.max(wanted, this.#starts.length * 2);
    const [starts, ends] = [new Int32Array(size), new Int32Array(size)];
    starts.set(this.#starts);
    ends.set(this.#ends);
    this.#starts = starts;
    this.#ends = ends;
  }
}

/** Units of the character at `at`; the texts here hold no half pairs. */
export function lengthAt(text: string, at: number): 1 | 2 {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length ? 2 : 1;
}
