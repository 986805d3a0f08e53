// The pieces that Unigram begins with: every part of a word, up to a length, after which the words go on in more than one way.
// These are the inner nodes of the words' suffix tree; they are found in the sorted suffixes, of which only the first
// characters count, so that sorting takes time in proportion and one array:
//
//   suffixes  a| an| ana| anan …    common to neighbours  1 2 3 …    a node: a run of neighbours with so much in common

import type { WordCounts } from "./train-words.ts";

/** Behind every word; no character has this code. */
export const END = -1;

/** All words behind one another as code points, an END behind each. */
export type Letters = {
  readonly text: Int32Array;
  /** Where each word begins; one more for the end of all. */
  readonly starts: Int32Array;
  readonly counts: Float64Array;
};

export function lettersOf(words: WordCounts): Letters {
  let size = 0;
  for (const word of words.keys()) size += word.length + 1;
  const text = new Int32Array(size); // as many or more
  const starts = new Int32Array(words.size + 1);
  let [at, number] = [0, 0];
  for (const word of words.keys()) {
    for (let i = 0; i < word.length; ) {
      const char = word.codePointAt(i) as number; // `i` is inside
      text[at++] = char;
      i += char > 0xffff ? 2 : 1;
    }
    text[at++] = END;
    starts[++number] = at;
  }
  return { text: text.subarray(0, at), starts, counts: Float64Array.from(words.values()) };
}

/** A part of the words: `order[from … to]` are the places where it stands, `size` its characters. */
export type Seeds = {
  readonly order: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly size: Uint8Array;
  readonly count: number;
};

/** The parts of two to `longest` characters. */
export function seedsOf(text: Int32Array, longest: number): Seeds {
  const depth = longest + 1; // one more tells what goes on in one way only
  const order = sortedSuffixes(text, depth);
  const found = new Nodes();
  // Runs that are open: so much in common, and where they began.
  const [sizes, begins] = [[0], [0]];
  for (let at = 1; at <= order.length; at++) {
    const size = at === order.length ? 0 : common(text, order[at - 1] as number, order[at] as number, depth);
    let begin = at - 1;
    for (let top = sizes.length - 1; (sizes[top] as number) > size; top--) {
      begin = begins[top] as number; // both are as long
      const length = sizes[top] as number;
      if (length > 1 && length <= longest && text[(order[begin] as number) + length - 1] !== END)
        found.push(begin, at - 1, length);
      sizes.pop();
      begins.pop();
    }
    if ((sizes[sizes.length - 1] as number) < size) {
      sizes.push(size);
      begins.push(begin);
    }
  }
  return { order, ...found.arrays() };
}

class Nodes {
  #from = new Int32Array(1024);
  #to = new Int32Array(1024);
  #size = new Uint8Array(1024);
  #count = 0;

  push(from: number, to: number, size: number): void {
    if (this.#count === this.#from.length) this.#resize(this.#count * 2);
    this.#from[this.#count] = from;
    this.#to[this.#count] = to;
    this.#size[this.#count++] = size;
  }

  arrays(): Omit<Seeds, "order"> {
    this.#resize(this.#count);
    return { from: this.#from, to: this.#to, size: this.#size, count: this.#count };
  }

  #resize(size: number): void {
    const resized = <A extends Int32Array | Uint8Array>(old: A, grown: A): A => {
      grown.set(old.subarray(0, this.#count));
      return grown;
    };
    this.#from = resized(this.#from, new Int32Array(size));
    this.#to = resized(this.#to, new Int32Array(size));
    this.#size = resized(this.#size, new Uint8Array(size));
  }
}

/** How many characters two suffixes have in common; an END ends both. */
function common(text: Int32Array, a: number, b: number, most: number): number {
  let size = 0;
  while (size < most && text[a + size] === text[b + size]) {
    if (text[a + size++] === END) break;
  }
  return size;
}

/** The places of all characters, by the `depth` characters from there on; multikey quicksort (https://dl.acm.org/doi/10.5555/314161.314321). */
function sortedSuffixes(text: Int32Array, depth: number): Int32Array {
  const order = new Int32Array(text.length);
  let count = 0;
  for (let at = 0; at < text.length; at++) if (text[at] !== END) order[count++] = at;
  const places = order.subarray(0, count);
  const todo: number[] = [0, count, 0];
  while (todo.length > 0) {
    const [from, to, at] = todo.splice(-3) as [number, number, number]; // pushed three by three
    if (to - from < 2 || at >= depth) continue;
    if (to - from < 12) {
      insertionSort(text, places, from, to, at, depth);
      continue;
    }
    const pivot = middle(
      text[(places[from] as number) + at] as number,
      text[(places[(from + to) >> 1] as number) + at] as number,
      text[(places[to - 1] as number) + at] as number,
    );
    // [from, less) below the pivot, [less, i) equal, (more, to) above
    let [less, i, more] = [from, from, to - 1];
    while (i <= more) {
      const place = places[i] as number; // all are inside
      const char = text[place + at] as number;
      if (char < pivot) {
        places[i++] = places[less] as number;
        places[less++] = place;
      } else if (char > pivot) {
        places[i] = places[more] as number;
        places[more--] = place;
      } else i++;
    }
    todo.push(from, less, at, more + 1, to, at);
    if (pivot !== END) todo.push(less, more + 1, at + 1);
  }
  return places;
}

function middle(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function insertionSort(
  text: Int32Array,
  places: Int32Array,
  from: number,
  to: number,
  at: number,
  depth: number,
): void {
  for (let i = from + 1; i < to; i++) {
    const place = places[i] as number;
    let hole = i;
    for (; hole > from && before(text, place + at, (places[hole - 1] as number) + at, depth - at); hole--)
      places[hole] = places[hole - 1] as number;
    places[hole] = place;
  }
}

function before(text: Int32Array, a: number, b: number, most: number): boolean {
  for (let i = 0; i < most; i++) {
    const [left, right] = [text[a + i] as number, text[b + i] as number];
    if (left !== right) return left < right;
    if (left === END) return false;
  }
  return false;
}
