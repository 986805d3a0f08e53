// A map from a pair of token ids to a number, for the two loops that live on it: merging words and counting pairs.
// A `Map` would need one string or heap number per look-up; this is open addressing in one Int32Array:
//
//   slot = [left, right, value], empty where left < 0

const FIELDS = 3;

export class PairMap {
  #slots: Int32Array;
  #mask: number;
  #size = 0;

  constructor(capacity = 1024) {
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.#slots = new Int32Array(slots * FIELDS).fill(-1);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The value of the pair, or -1. */
  get(left: number, right: number): number {
    const slots = this.#slots;
    for (let slot = hash(left, right) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * FIELDS;
      const found = slots[at] as number; // `slot` is inside by the mask
      if (found < 0) return -1;
      if (found === left && slots[at + 1] === right) return slots[at + 2] as number;
    }
  }

  set(left: number, right: number, value: number): void {
    if (this.#size * 2 > this.#mask) this.#grow();
    const at = this.#find(left, right);
    const slots = this.#slots;
    if ((slots[at] as number) < 0) this.#size++;
    slots[at] = left;
    slots[at + 1] = right;
    slots[at + 2] = value;
  }

  #find(left: number, right: number): number {
    const slots = this.#slots;
    let slot = hash(left, right) & this.#mask;
    for (;;) {
      const at = slot * FIELDS;
      if ((slots[at] as number) < 0 || (slots[at] === left && slots[at + 1] === right)) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2).fill(-1);
    this.#mask = this.#slots.length / FIELDS - 1;
    for (let at = 0; at < old.length; at += FIELDS) {
      if ((old[at] as number) >= 0)
        this.#slots.set(old.subarray(at, at + FIELDS), this.#find(old[at] as number, old[at + 1] as number));
    }
  }
}

/** Multiplies by two odd constants and folds the high bits down, so that neighbouring ids spread over the slots. */
function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
