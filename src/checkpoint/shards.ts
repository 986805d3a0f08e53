// A checkpoint over several files, as Hugging Face lays it out: shards of a size that is easy to move, and an index that says
// which holds what. The names and where one shard ends are those of `huggingface_hub`, the index is as `transformers` writes it.
//
//   model.safetensors                                                  if one file holds everything
//   model-00001-of-00002.safetensors, …, model.safetensors.index.json  {"metadata": {"total_size": …}, "weight_map": {name: file}}

import { ArgumentError, CheckpointError } from "../base/errors.ts";

export interface Shard<E> {
  readonly file: string;
  readonly entries: readonly E[];
}

export interface ShardPlan<E> {
  readonly shards: readonly Shard<E>[];
  /** The index file's name and text, if there is more than one shard. */
  readonly index: { readonly file: string; readonly text: string } | undefined;
}

export const indexEnding = ".index.json";

/** Divides entries in their order: a shard ends before it would be too large, and what is too large has one of its own. */
export function planShards<E extends { readonly name: string }>(
  entries: readonly E[],
  sizeOf: (entry: E) => number,
  { file = "model.safetensors", maxShardSize = "5GB" }: { file?: string; maxShardSize?: number | string } = {},
): ShardPlan<E> {
  const most = parseSize(maxShardSize);
  const parts: E[][] = [];
  let current: E[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = sizeOf(entry);
    if (size > most) {
      parts.push([entry]);
      continue;
    }
    if (bytes + size > most && current.length > 0) {
      parts.push(current);
      [current, bytes] = [[], 0];
    }
    current.push(entry);
    bytes += size;
  }
  if (current.length > 0 || parts.length === 0) parts.push(current);
  if (parts.length === 1) return { shards: [{ file, entries: parts[0]! }], index: undefined };
  const [stem, ending] = stemOf(file);
  const five = (n: number): string => String(n).padStart(5, "0");
  const shards = parts.map((part, i) => ({
    file: `${stem}-${five(i + 1)}-of-${five(parts.length)}${ending}`,
    entries: part,
  }));
  const weights = shards.flatMap((shard) => shard.entries.map(({ name }): [string, string] => [name, shard.file]));
  weights.sort(([a], [b]) => (a < b ? -1 : 1));
  const total = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  return { shards, index: { file: `${file}${indexEnding}`, text: indexText(total, weights) } };
}

/** Whether `name` is the file, its index or one of its shards. */
export function isPartOf(name: string, file: string): boolean {
  const [stem, ending] = stemOf(file);
  const isShard = name.startsWith(`${stem}-`) && name.endsWith(ending);
  const middle = name.slice(stem.length + 1, name.length - ending.length);
  return name === file || name === `${file}${indexEnding}` || (isShard && /^\d{5}-of-\d{5}$/.test(middle));
}

function stemOf(file: string): [stem: string, ending: string] {
  const [, stem = file, ending = ""] = /^(.*)(\.\w+)$/.exec(file) ?? [];
  return [stem, ending];
}

/** As Python's json writes it with two spaces, its keys in order; an object would put names like "10" first. */
function indexText(total: number, weights: readonly (readonly [string, string])[]): string {
  const lines = weights.map(([name, file]) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
  return `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${lines.join(",\n")}\n  }\n}\n`;
}

/** "5GB" is five times ten to the ninth; a number is bytes. */
export function parseSize(size: number | string): number {
  const units: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([KMGT]B)$/i.exec(String(size)) ?? [];
  const bytes =
    typeof size === "number" ? size : Math.floor(Number(digits) * (units[unit.toUpperCase()] ?? Number.NaN));
  if (bytes >= 1) return bytes;
  throw new ArgumentError(`maxShardSize: got ${JSON.stringify(size)}, wants bytes or a string like "5GB" or "200MB".`, {
    size,
  });
}

/** Files in the order in which the index first names them, each with the tensors it must hold. */
export function parseIndex(json: unknown, path: string): Map<string, string[]> {
  const fail = (what: string): CheckpointError =>
    new CheckpointError(`read ${path}: ${what}. The index was damaged or is of something else; download it again.`, {
      file: path,
    });
  const map = typeof json === "object" && json !== null && "weight_map" in json ? json.weight_map : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map)) throw fail("it has no weight_map");
  const files = new Map<string, string[]>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string") throw fail(`it does not say in which file "${name}" is`);
    if (file === "" || /[/\\]/.test(file) || file.startsWith(".."))
      throw fail(`it looks for "${name}" outside of its folder, in ${JSON.stringify(file)}`);
    const names = files.get(file) ?? [];
    if (names.push(name) === 1) files.set(file, names);
  }
  return files;
}

/** Throws if a shard lacks what the index promises. */
export function checkShard(file: string, names: readonly string[], has: (name: string) => boolean): void {
  const missing = names.filter((name) => !has(name));
  if (missing.length === 0) return;
  const some = `${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ` and ${missing.length - 5} more` : ""}`;
  throw new CheckpointError(
    `read ${file}: the index says that it holds ${some}, but it does not. Do the files belong together? Download them again.`,
    { file, missing },
  );
}
