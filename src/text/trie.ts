// Finds which of many texts begin at a place. A trie over UTF-16 units, all of whose edges lie in one hash table:
//
//   edge (node, unit) → node        value of a node: the number given with the text that ends there, or -1

import { PairMap } from "./pair-map.ts";

const ROOT = 0;

export class Trie {
  readonly #edges: PairMap;
  #values = new Int32Array(1024).fill(-1);
  #nodes = 1;
  /** The children of the root by their unit, as every search begins there. */
  readonly #first = new Int32Array(0x10000).fill(-1);

  constructor(capacity = 1024) {
    this.#edges = new PairMap(capacity);
  }

  set(text: string, value: number): void {
    let node = ROOT;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      let next = this.next(node, unit);
      if (next < 0) {
        next = this.#nodes++;
        if (node === ROOT) this.#first[unit] = next;
        else this.#edges.set(node, unit, next);
        if (next === this.#values.length) {
          const grown = new Int32Array(next * 2).fill(-1);
          grown.set(this.#values);
          this.#values = grown;
        }
      }
      node = next;
    }
    this.#values[node] = value;
  }

  /** The node after `node` by `unit`, or -1; 0 is the root. */
  next(node: number, unit: number): number {
    return node === ROOT ? (this.#first[unit] as number) : this.#edges.get(node, unit); // a unit is inside
  }

  /** The value of the text that ends at `node`, or -1. */
  value(node: number): number {
    return this.#values[node] as number; // a node is inside
  }

  /** The longest text that begins at `at`: where it ends, and its value. */
  longest(text: string, at: number): { readonly end: number; readonly value: number } | null {
    let found = null;
    let node = ROOT;
    for (let i = at; i < text.length; i++) {
      node = this.next(node, text.charCodeAt(i));
      if (node < 0) break;
      const value = this.value(node);
      if (value >= 0) found = { end: i + 1, value };
    }
    return found;
  }
}
