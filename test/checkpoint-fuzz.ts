// Damaged files of tensors: mutations drawn from a seed, and what must hold for each. `npm test` runs some of them, and
// `bench/fuzz-checkpoints.ts` as many as it is told.

import { KindlingError } from "../src/base/errors.ts";
import { numel } from "../src/base/shape.ts";
import { load } from "../src/checkpoint/load.ts";
import { joinChunks } from "../src/checkpoint/safetensors.ts";
import { bytesSource } from "../src/checkpoint/source.ts";
import { isZip, openZip, readEntry } from "../src/checkpoint/zip.ts";
import { writeZip, type ZipContent } from "../src/checkpoint/zip-writer.ts";
import { memoryStats } from "../src/tensor/memory.ts";
import { forEachTensor } from "../src/tensor/scope.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

export interface Verdict {
  readonly loaded: boolean;
  /** The error's first words, to count what was found. */
  readonly kind: string;
  /** Bytes of the engine's memory that the load took, at most. */
  readonly bytes: number;
}

/** mulberry32: the same numbers from the same seed everywhere. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const telling = [0, 1, 0x7f, 0x80, 0xff, 0x28, 0x2e, 0x52, 0x63, 0x71, 0x74, 0x7d, 0x5d];

/** One to four changes: bytes, numbers of 16 to 64 bits, pieces cut, doubled or moved, the end cut off. */
export function mutate(bytes: Uint8Array, draw: () => number): Uint8Array {
  let changed: Uint8Array = bytes.slice();
  for (let left = 1 + Math.floor(draw() ** 2 * 4); left > 0; left--) changed = changeOne(changed, draw);
  return changed;
}

/**
 * As `mutate`, but the change is within, and what stands around it is put right: an entry of a zip file gets its checksum, a
 * header of safetensors its length. So the change reaches the reader that it is meant for.
 */
export async function mutateWithin(bytes: Uint8Array, draw: () => number): Promise<Uint8Array> {
  if (isZip(bytes)) {
    const zip = await openZip(bytesSource(bytes));
    const names = [...zip.entries.keys()];
    const chosen =
      names.find((name) => name.endsWith("data.pkl") && draw() < 0.7) ?? names[Math.floor(draw() * names.length)];
    const contents: ZipContent[] = [];
    for (const [name, entry] of zip.entries) {
      const content = await readEntry(zip, entry);
      const changed = name === chosen ? mutate(content, draw) : content;
      contents.push({ name, size: changed.length, bytes: () => [changed] });
    }
    return joinChunks(writeZip(contents));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const end = 8 + Number(view.getBigUint64(0, true));
  if (end > bytes.length) return mutate(bytes, draw);
  const header = mutate(bytes.subarray(8, end), draw);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined(length, header, bytes.subarray(end));
}

function changeOne(bytes: Uint8Array, draw: () => number): Uint8Array {
  const below = (n: number): number => Math.floor(draw() * n);
  const [at, other] = [below(bytes.length), below(bytes.length)];
  const length = Math.min(1 + below(64), bytes.length - Math.max(at, other));
  switch (below(8)) {
    case 0:
      return with_(bytes, at, [1 << below(8)], (old, bit) => old ^ bit);
    case 1:
      return with_(bytes, at, [telling[below(telling.length)]!]);
    case 2:
      return with_(bytes, at, [below(256)]);
    case 3:
      return with_(bytes, at, Array(2 ** (1 + below(3))).fill(draw() < 0.5 ? 0xff : 0));
    case 4:
      return bytes.slice(0, at);
    case 5:
      return joined(bytes.subarray(0, at), bytes.subarray(Math.min(at + length, bytes.length)));
    case 6:
      return joined(bytes.subarray(0, at), bytes.subarray(other, other + length), bytes.subarray(at));
    default:
      return with_(bytes, at, [...bytes.subarray(other, other + length)]);
  }
}

function with_(
  bytes: Uint8Array,
  at: number,
  values: readonly number[],
  mix = (_: number, value: number): number => value,
): Uint8Array {
  values.forEach((value, i) => {
    if (at + i < bytes.length) bytes[at + i] = mix(bytes[at + i]!, value);
  });
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The memory that tensors of a file may take: twice the file, and what the engine rounds every block up to. */
export function mostBytes(fileBytes: number, blocks: number): number {
  return 2 * fileBytes + 64 * blocks;
}

/**
 * Loads a damaged file. It must load, or fail with an error of ours; of what it loads every element must lie in its memory; and it
 * must not take more memory than the file could mean. Anything else is thrown.
 */
export async function tryLoading(bytes: Uint8Array): Promise<Verdict> {
  const before = memoryStats();
  let kind = "loaded";
  let taken = 0;
  try {
    const value = await load(bytes);
    const after = memoryStats();
    taken = after.liveBytes - before.liveBytes;
    const blocks = Math.max(after.liveBlocks - before.liveBlocks, 0);
    if (taken > mostBytes(bytes.length, blocks)) throw new RangeError(`a file of ${bytes.length} bytes took ${taken}`);
    forEachTensor(value, inspect);
    forEachTensor(value, (t) => t.dispose());
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    kind = error.message
      .replace(/the file/, "")
      .split(" ")
      .slice(0, 4)
      .join(" ");
  }
  const left = memoryStats().liveBytes - before.liveBytes;
  if (left > 0) throw new RangeError(`${left} bytes stay after a file of ${bytes.length} bytes (${kind})`);
  return { loaded: kind === "loaded", kind, bytes: taken };
}

function inspect(t: Tensor): void {
  const last = t.offset + t.shape.reduce((sum, n, d) => sum + (n - 1) * t.strides[d]!, 0);
  const width = t.nbytes / Math.max(t.numel, 1);
  if (numel(t.shape) > 0 && (last + 1) * width > t.storage.bytes)
    throw new RangeError(`a tensor of ${t.shape} lies outside of its storage`);
}
