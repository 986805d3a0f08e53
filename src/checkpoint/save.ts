// What `save` writes: the formats and their endings, as bytes. `save-file.node.ts` puts them on the disk.

import { ArgumentError, CheckpointError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { writeNpy } from "./npy.ts";
import { writeNpz } from "./npz.ts";
import { joinChunks, type SafetensorsEntry, writeSafetensors } from "./safetensors.ts";
import { planShards } from "./shards.ts";
import { namedTensors, stateEntries } from "./state-entries.ts";
import { writeTorch } from "./torch-writer.ts";
import type { WrittenFile } from "./zip-writer.ts";

export type FileFormat = "pt" | "safetensors" | "npy" | "npz";

export interface SaveOptions {
  /** The format; without it the ending says: .pt, .pth, .bin and .ckpt, .safetensors, .npy, .npz. */
  readonly format?: FileFormat;
  /** Strings to keep in a safetensors file. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Divides a safetensors file into shards of at most this size, a number of bytes or "5GB", with an index beside them. */
  readonly maxShardSize?: number | string;
  /** Deflates a .npz file. */
  readonly compress?: boolean;
}

/** One file to be written. */
export interface NamedFile {
  readonly name: string;
  readonly chunks: Iterable<Uint8Array>;
}

/** The bytes of a file, for places without a disk: `new Blob([await saveBytes(model.stateDict(), "safetensors")])`. */
export async function saveBytes(
  value: unknown,
  format: FileFormat,
  options: Omit<SaveOptions, "format" | "maxShardSize"> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return joinChunks(await encode(value, format, options));
}

/** The files that `save(value, "…/name")` writes: one, or shards with their index last. */
export async function filesOf(value: unknown, name: string, options: SaveOptions): Promise<NamedFile[]> {
  const format = options.format ?? formatOf(name);
  if (format === "safetensors" && options.maxShardSize !== undefined) return shardFiles(value, name, options);
  const { chunks } = await encode(value, format, { ...options, folder: name.replace(/\.[^.]*$/, "") });
  return [{ name, chunks }];
}

async function encode(
  value: unknown,
  format: FileFormat,
  { metadata, compress, folder }: SaveOptions & { readonly folder?: string },
): Promise<WrittenFile> {
  switch (format) {
    case "pt":
      return writeTorch(value, folder);
    case "safetensors": {
      const { entries, tied } = stateEntries(namedTensors(value, "safetensors"));
      return writeSafetensors(entries, { ...tied, ...(metadata ?? { format: "pt" }) });
    }
    case "npy":
      if (value instanceof Tensor) return writeNpy(value);
      throw new CheckpointError("save: a .npy file holds one tensor, got something else. Save several as .npz.", {});
    case "npz":
      return writeNpz(namedTensors(value, "npz"), compress);
    default:
      format satisfies never;
      throw new ArgumentError(
        `save: the format ${String(format)} is not known. Known are pt, safetensors, npy and npz.`,
        { format },
      );
  }
}

function shardFiles(value: unknown, name: string, { metadata, maxShardSize }: SaveOptions): NamedFile[] {
  const { entries, tied } = stateEntries(namedTensors(value, "safetensors"));
  const all = { ...tied, ...(metadata ?? { format: "pt" }) };
  const { shards, index } = planShards<SafetensorsEntry & { readonly nbytes: number }>(
    entries,
    ({ nbytes }) => nbytes,
    {
      file: name,
      ...(maxShardSize !== undefined && { maxShardSize }),
    },
  );
  const files = shards.map((shard) => ({ name: shard.file, chunks: writeSafetensors(shard.entries, all).chunks }));
  if (index !== undefined) files.push({ name: index.file, chunks: [new TextEncoder().encode(index.text)] });
  return files;
}

const formats: Readonly<Record<string, FileFormat>> = {
  pt: "pt",
  pth: "pt",
  bin: "pt",
  ckpt: "pt",
  safetensors: "safetensors",
  npy: "npy",
  npz: "npz",
};

function formatOf(name: string): FileFormat {
  const ending = /\.([^.]*)$/.exec(name)?.[1] ?? "";
  const format = formats[ending.toLowerCase()];
  if (format !== undefined) return format;
  const known = Object.keys(formats).map((one) => `.${one}`);
  throw new ArgumentError(
    `save ${name}: no format ends so. Known are ${known.join(", ")}; or name it: { format: "pt" }.`,
    { name },
  );
}
