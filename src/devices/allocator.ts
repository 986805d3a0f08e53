// Hands out pieces of an address space; owns no memory itself. Blocks lie in address order, free neighbours merge at
// once, and free blocks hang in bins by size: a bin for each size below 64 units, then 32 bins for every doubling.
//
//   | used | free | used | small used | small free | used | free … end |
//
// Small blocks live in chunks of their own, so that a long-lived scalar does not cut a large hole in two. A chunk is
// only a mark on its blocks: small space that is free as a whole, or for a chunk's length, turns back into ordinary space.

import { DeviceError } from "../base/errors.ts";
import type { MemoryStats } from "../ir/device.ts";

/** Every address is a multiple of this; inside, sizes and addresses count in these units. */
const unitBytes = 64;
const chunkUnits = 2 ** 20 / unitBytes;
const smallUnits = 2 ** 15 / unitBytes;
const maxUnits = 2 ** 32 / unitBytes;

const binsPerPool = 768;
const wordsPerPool = binsPerPool / 32;
/** How many blocks of one bin are compared before the best so far is taken. */
const patience = 16;

/** Units of one page of the table that finds a block by its address. */
const pageUnits = 1024;

const ordinary = 0;
const small = 1;
type Pool = typeof ordinary | typeof small;

function binOf(units: number): number {
  if (units < 32) return units;
  const exponent = 31 - Math.clz32(units);
  return (exponent - 4) * 32 + ((units >>> (exponent - 5)) & 31);
}

export class Allocator {
  // One record a block; record 0 means "none".
  #start = new Int32Array(1024);
  #size = new Int32Array(1024);
  #before = new Int32Array(1024);
  #after = new Int32Array(1024);
  #used = new Uint8Array(1024);
  #pool = new Uint8Array(1024);
  /** Neighbours in the bin; `#next` also chains the unused records. */
  #next = new Int32Array(1024);
  #previous = new Int32Array(1024);
  #unused = 0;
  #records = 1;

  readonly #heads = new Int32Array(2 * binsPerPool);
  /** A bit for each bin that is not empty. */
  readonly #filled = new Int32Array(2 * wordsPerPool);
  /** The record that starts at a unit, by page. */
  readonly #pages: (Int32Array | undefined)[] = [];

  #last = 0;
  #end: number;
  #liveUnits = 0;
  #liveBlocks = 0;
  #peakUnits = 0;

  /** Space from `start` to `end`, both in bytes. */
  constructor(start: number, end: number) {
    this.#end = Math.ceil(start / unitBytes);
    this.extend(end);
  }

  get endBytes(): number {
    return this.#end * unitBytes;
  }

  get stats(): Omit<MemoryStats, "limitBytes"> {
    return {
      liveBytes: this.#liveUnits * unitBytes,
      liveBlocks: this.#liveBlocks,
      peakBytes: this.#peakUnits * unitBytes,
      reservedBytes: this.endBytes,
    };
  }

  /** The peak is again what is live now, or `bytes` if that is more. */
  resetPeak(bytes: number): void {
    this.#peakUnits = Math.max(this.#liveUnits, Math.ceil(bytes / unitBytes));
  }

  /** The space now reaches to `end` bytes. */
  extend(end: number): void {
    const to = Math.min(Math.floor(end / unitBytes), maxUnits);
    const units = to - this.#end;
    if (units <= 0) return;
    const id = this.#record(this.#end, units, ordinary);
    this.#before[id] = this.#last;
    if (this.#last !== 0) this.#after[this.#last] = id;
    this.#last = id;
    this.#end = to;
    this.#insert(this.#merge(id));
  }

  /** How far the space must reach, in bytes, for an `alloc` of this size to fit at its end. */
  endFor(bytes: number): number {
    const tail =
      this.#last !== 0 && this.#used[this.#last] === 0 && this.#pool[this.#last] === ordinary
        ? this.#size[this.#last]!
        : 0;
    const units = Math.max(Math.ceil(bytes / unitBytes), 1);
    return (this.#end - tail + (units <= smallUnits ? chunkUnits : units)) * unitBytes;
  }

  /** The address of a new block, or 0 when nothing fits. */
  alloc(bytes: number): number {
    if (!(bytes >= 0 && bytes <= maxUnits * unitBytes))
      throw new DeviceError(`alloc: a block of ${bytes} bytes cannot be`, { bytes });
    const units = bytes <= unitBytes ? 1 : Math.ceil(bytes / unitBytes);
    let id = 0;
    if (units <= smallUnits) {
      id = this.#take(units, small);
      if (id === 0) {
        id = this.#take(chunkUnits, ordinary);
        if (id !== 0) {
          this.#cut(id, chunkUnits);
          this.#pool[id] = small;
        }
      }
    }
    if (id === 0) id = this.#take(units, ordinary);
    if (id === 0) return 0;
    this.#cut(id, units);
    this.#used[id] = 1;
    this.#liveBlocks += 1;
    this.#liveUnits += units;
    if (this.#liveUnits > this.#peakUnits) this.#peakUnits = this.#liveUnits;
    return this.#start[id]! * unitBytes;
  }

  free(address: number): void {
    const unit = address / unitBytes;
    const id = this.#pages[Math.floor(unit / pageUnits)]?.[unit % pageUnits] ?? 0; // a fraction finds nothing
    if (id === 0 || this.#used[id] === 0) {
      throw new DeviceError(`free: ${address} is not the address of a live block; was it freed before?`, { address });
    }
    this.#used[id] = 0;
    this.#liveBlocks -= 1;
    this.#liveUnits -= this.#size[id]!;
    this.#insert(this.#merge(id));
  }

  /** `alloc` for the device's own needs: not part of the statistics. */
  reserve(bytes: number): number {
    const peak = this.#peakUnits;
    const live = this.#liveUnits;
    const address = this.alloc(bytes);
    if (address === 0) return 0;
    this.#liveBlocks -= 1;
    this.#liveUnits = live;
    this.#peakUnits = peak;
    return address;
  }

  /** Sizes in bytes of the `count` largest live blocks, and of the largest free one. */
  largest(count: number): { readonly live: readonly number[]; readonly free: number } {
    const live: number[] = [];
    let free = 0;
    for (let id = this.#last; id !== 0; id = this.#before[id]!) {
      const bytes = this.#size[id]! * unitBytes;
      if (this.#used[id] === 1) live.push(bytes);
      else free = Math.max(free, bytes);
    }
    return { live: live.sort((a, b) => b - a).slice(0, count), free };
  }

  /** Takes the best free block of at least `units` out of its bin. */
  #take(units: number, pool: Pool): number {
    const base = pool * wordsPerPool;
    const first = binOf(units);
    // The bin of the size itself may hold blocks that are too short; all later ones fit.
    let id = this.#fit(this.#heads[pool * binsPerPool + first]!, units);
    let word = (first + 1) >>> 5;
    let bits = id !== 0 || word >= wordsPerPool ? 0 : this.#filled[base + word]! & (-1 << ((first + 1) & 31));
    while (id === 0) {
      if (bits !== 0) {
        const bin = word * 32 + 31 - Math.clz32(bits & -bits);
        id = this.#fit(this.#heads[pool * binsPerPool + bin]!, units);
      } else {
        word += 1;
        if (word >= wordsPerPool) return 0;
        bits = this.#filled[base + word]!;
      }
    }
    this.#remove(id);
    return id;
  }

  /** The shortest block that is long enough, among the first of a bin. */
  #fit(head: number, units: number): number {
    let best = 0;
    let bestUnits = maxUnits + 1;
    let left = patience;
    for (let id = head; id !== 0 && left > 0; id = this.#next[id]!) {
      left -= 1;
      const size = this.#size[id]!;
      if (size < units || size >= bestUnits) continue;
      best = id;
      if (size === units) break;
      bestUnits = size;
    }
    return best;
  }

  /** Shortens a block that is in no bin; the rest becomes a free block of the same pool. */
  #cut(id: number, units: number): void {
    const spare = this.#size[id]! - units;
    if (spare === 0) return;
    const rest = this.#record(this.#start[id]! + units, spare, this.#pool[id] as Pool); // only pools are stored
    const after = this.#after[id]!;
    this.#size[id] = units;
    this.#before[rest] = id;
    this.#after[rest] = after;
    this.#after[id] = rest;
    if (after !== 0) this.#before[after] = rest;
    else this.#last = rest;
    this.#insert(rest);
  }

  /** Joins a free block that is in no bin with its free neighbours; the result is in no bin. */
  #merge(id: number): number {
    const merged = this.#join(id);
    if (this.#pool[merged] === ordinary) return merged;
    const alone = this.#pool[this.#before[merged]!] === ordinary && this.#pool[this.#after[merged]!] === ordinary;
    if (!alone && this.#size[merged]! < chunkUnits) return merged;
    this.#pool[merged] = ordinary;
    return this.#join(merged);
  }

  #join(id: number): number {
    const pool = this.#pool[id]!;
    let first = id;
    const before = this.#before[id]!;
    if (before !== 0 && this.#used[before] === 0 && this.#pool[before] === pool) {
      this.#remove(before);
      this.#absorb(before, id);
      first = before;
    }
    const after = this.#after[first]!;
    if (after !== 0 && this.#used[after] === 0 && this.#pool[after] === pool) {
      this.#remove(after);
      this.#absorb(first, after);
    }
    return first;
  }

  /** Makes `second`, which follows `first`, part of it. */
  #absorb(first: number, second: number): void {
    const after = this.#after[second]!;
    this.#size[first] = this.#size[first]! + this.#size[second]!;
    this.#after[first] = after;
    if (after !== 0) this.#before[after] = first;
    else this.#last = first;
    this.#find(this.#start[second]!, 0);
    this.#next[second] = this.#unused;
    this.#unused = second;
  }

  #insert(id: number): void {
    const pool = this.#pool[id]!;
    const bin = binOf(this.#size[id]!);
    const slot = pool * binsPerPool + bin;
    const head = this.#heads[slot]!;
    this.#next[id] = head;
    this.#previous[id] = 0;
    if (head !== 0) this.#previous[head] = id;
    this.#heads[slot] = id;
    const word = pool * wordsPerPool + (bin >>> 5);
    this.#filled[word] = this.#filled[word]! | (1 << (bin & 31));
  }

  #remove(id: number): void {
    const next = this.#next[id]!;
    const previous = this.#previous[id]!;
    if (next !== 0) this.#previous[next] = previous;
    if (previous !== 0) {
      this.#next[previous] = next;
      return;
    }
    const pool = this.#pool[id]!;
    const bin = binOf(this.#size[id]!);
    this.#heads[pool * binsPerPool + bin] = next;
    if (next !== 0) return;
    const word = pool * wordsPerPool + (bin >>> 5);
    this.#filled[word] = this.#filled[word]! & ~(1 << (bin & 31));
  }

  #record(start: number, units: number, pool: Pool): number {
    let id = this.#unused;
    if (id !== 0) this.#unused = this.#next[id]!;
    else {
      id = this.#records++;
      if (id === this.#start.length) this.#moreRecords();
    }
    this.#start[id] = start;
    this.#size[id] = units;
    this.#pool[id] = pool;
    this.#used[id] = 0;
    this.#before[id] = 0;
    this.#after[id] = 0;
    this.#find(start, id);
    return id;
  }

  /** Enters a block in the table of addresses. */
  #find(unit: number, id: number): void {
    const page = Math.floor(unit / pageUnits);
    const entries = (this.#pages[page] ??= new Int32Array(pageUnits));
    entries[unit % pageUnits] = id;
  }

  #moreRecords(): void {
    const twice = <A extends Int32Array | Uint8Array>(old: A, grown: A): A => {
      grown.set(old);
      return grown;
    };
    const count = 2 * this.#start.length;
    this.#start = twice(this.#start, new Int32Array(count));
    this.#size = twice(this.#size, new Int32Array(count));
    this.#before = twice(this.#before, new Int32Array(count));
    this.#after = twice(this.#after, new Int32Array(count));
    this.#next = twice(this.#next, new Int32Array(count));
    this.#previous = twice(this.#previous, new Int32Array(count));
    this.#used = twice(this.#used, new Uint8Array(count));
    this.#pool = twice(this.#pool, new Uint8Array(count));
  }
}
