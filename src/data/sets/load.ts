// `loadDataset`: files of any kind, a folder or a generator as a data set, kept as a table beside what was made of the same
// contents before; or, streaming, as they stand.

import { files } from "#runtime/data/sets/files";
import { storage } from "#runtime/data/table/storage";
import { ArgumentError, DataError, UnsupportedError } from "../../base/errors.ts";
import { type Features, featuresToJson } from "../features.ts";
import { MemorySink } from "../table/bytes.ts";
import { concatTables, Table } from "../table/table.ts";
import { TableWriter } from "../table/writer.ts";
import { openTable } from "./cache.ts";
import { concatenateDatasets } from "./combine.ts";
import { Dataset } from "./dataset.ts";
import { type DatasetDict, dictOf } from "./dataset-dict.ts";
import { IterableDataset, type IterableDatasetDict, skipping, toIterableDataset } from "./iterable-dataset.ts";
import { type FileFormat, formatOfName, type Reader, type ReadOptions, readers } from "./readers.ts";
import { configOf } from "./readme.ts";
import type { FileRow, Row } from "./rows.ts";
import { fitsPattern, isPattern, parseSplit, partRange, type SplitFiles, splitsByName } from "./splits.ts";
import { type Shard, SourceStage } from "./stages.ts";

/** Paths, or patterns of them; in a browser, addresses. */
export type Paths = string | readonly string[];
export type DataFilesOption = Paths | Readonly<Record<string, Paths>>;
/** The splits that data files make. */
export type SplitsOf<F> = F extends string | readonly string[] ? "train" : keyof F & string;
/** Where rows are stated by type, the splits are not found from the files: these are the ones to expect. */
type UsualFiles = Paths | Readonly<Partial<Record<"train" | "validation" | "test", Paths>>>;

export interface LoadOptions<F> extends ReadOptions {
  /** The files, or those of each split. Where none are named, a folder's files tell by their names. */
  readonly dataFiles?: F;
  /** One of the configurations that the README.md of a folder lists. */
  readonly name?: string;
  /** The branch, tag or commit of a data set by name. */
  readonly revision?: string;
  /** Where `dataFiles` lie. */
  readonly dataDir?: string;
  /** What the columns hold; values are cast. Without, it is found from the rows. */
  readonly features?: Features;
  /** Where tables are kept; default the folder of Python's `datasets` (`HF_DATASETS_CACHE`, `HF_HOME`). */
  readonly cacheDir?: string;
  /** True keeps the table in memory alone. */
  readonly keepInMemory?: boolean;
}
type One = { readonly split: string };
type Streaming = { readonly streaming: true };

/** Rows made by a function. */
export type RowGenerator<R> = () => Iterable<R> | AsyncIterable<R>;
export type Loadable<R> = FileFormat | "arrow" | (string & {}) | RowGenerator<R>;

/**
 * The data set of files: `loadDataset("json", { dataFiles: { train: "a.jsonl", test: "b.jsonl" } })` has `train` and `test`.
 * A folder's name takes the files in it. With `split` there is one data set: "train", "train[:10%]", "train+test". With
 * `streaming` rows come from the files as they are asked for. Wrong files are said with their line or row. State what rows hold as
 * the first type, `loadDataset<{ text: string; label: number }>(…)`; else `text` is taken for a text and all else is unknown.
 */
export interface LoadDataset {
  <R extends object = FileRow>(
    source: Loadable<R>,
    options: LoadOptions<DataFilesOption> & One & Streaming,
  ): Promise<IterableDataset<R>>;
  <R extends object = FileRow>(
    source: Loadable<R>,
    options: LoadOptions<DataFilesOption> & One & { readonly streaming?: false },
  ): Promise<Dataset<R>>;
  <R extends object = FileRow, const F extends DataFilesOption = UsualFiles>(
    source: Loadable<R>,
    options: LoadOptions<F> & Streaming & { readonly split?: never },
  ): Promise<IterableDatasetDict<R, SplitsOf<F>>>;
  <R extends object = FileRow, const F extends DataFilesOption = UsualFiles>(
    source: Loadable<R>,
    options?: LoadOptions<F> & { readonly streaming?: false; readonly split?: never },
  ): Promise<DatasetDict<R, SplitsOf<F>>>;
}
/** Brings the files of a data set by its name to a folder. */
export type FetchRepo = (repo: string, options: { readonly revision?: string | undefined }) => Promise<string>;

/** `loadDataset` with a way to bring data sets by name. */
export function loadDatasetWith(fetchRepo: FetchRepo | undefined): LoadDataset {
  const load = (source: Loadable<Row>, options: AnyOptions = {}): Promise<unknown> =>
    typeof source === "function" ? loadGenerated(source, options) : loadFiles(source, options, fetchRepo);
  return load as LoadDataset; // which of its results there is follows from the options
}
type AnyOptions = LoadOptions<DataFilesOption> & { readonly split?: string; readonly streaming?: boolean };

async function loadFiles(source: string, options: AnyOptions, fetchRepo: FetchRepo | undefined): Promise<unknown> {
  const { format, splits } = await filesOf(source, options, fetchRepo);
  const wanted = options.split === undefined ? undefined : parseSplit(options.split);
  const names = wanted === undefined ? Object.keys(splits) : [...new Set(wanted.map(({ split }) => split))];
  const loaded: Record<string, Dataset | IterableDataset> = {};
  for (const name of names) {
    const paths = Object.hasOwn(splits, name) ? splits[name]! : [];
    if (paths.length === 0) {
      throw new ArgumentError(
        `loadDataset: there is no split "${name}". The splits are ${Object.keys(splits).join(", ")}.`,
        {
          split: name,
        },
      );
    }
    loaded[name] = await (options.streaming === true
      ? streamed(format, paths, options)
      : tabled(format, paths, name, options));
  }
  if (wanted === undefined) return dictOf(loaded);
  if (options.streaming === true) {
    if (wanted.length === 1 && wanted[0]!.from === undefined && wanted[0]!.to === undefined) return loaded[names[0]!];
    throw new ArgumentError(
      `loadDataset: a stream has no parts like "${options.split}". take() and skip() make some.`,
      {},
    );
  }
  const parts = wanted.map((part) => {
    const whole = loaded[part.split] as Dataset; // not streaming
    if (part.from === undefined && part.to === undefined) return whole;
    const [from, to] = partRange(part, whole.length);
    return whole.skip(from).take(to - from);
  });
  return parts.length === 1 ? parts[0] : concatenateDatasets(parts);
}

// ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────

interface FoundFiles {
  readonly format: FileFormat | "arrow";
  readonly splits: SplitFiles;
}

const isFormat = (name: string): name is FileFormat | "arrow" => Object.hasOwn(readers, name) || name === "arrow";

async function filesOf(
  source: string,
  options: LoadOptions<DataFilesOption>,
  fetchRepo: FetchRepo | undefined,
): Promise<FoundFiles> {
  const { dataFiles, dataDir } = options;
  if (isFormat(source)) {
    if (dataFiles === undefined && dataDir === undefined) {
      throw new ArgumentError(`loadDataset: "${source}" wants dataFiles, or the dataDir with its files.`, {});
    }
    return { format: source, splits: await namedFiles(dataDir, dataFiles, source) };
  }
  if (!storage.hasFiles) {
    throw new UnsupportedError(
      `loadDataset: "${source}": a page has neither folders nor data sets by name. Give the format and addresses: ` +
        'loadDataset("json", { dataFiles: "https://…/datasets/NAME/resolve/main/train.jsonl" }).',
      { source },
    );
  }
  const isFolder = (await files.list(source)) !== undefined;
  if (!isFolder && (fetchRepo === undefined || !/^[\w.-]+(\/[\w.-]+)?$/.test(source) || source.startsWith("."))) {
    const formats = [...Object.keys(readers), "arrow"].join(", ");
    throw new DataError(`loadDataset: "${source}" is neither a folder nor one of ${formats}.`, { source });
  }
  const folder = isFolder || fetchRepo === undefined ? source : await fetchRepo(source, options);
  const told = dataFiles === undefined ? configOf(await readmeOf(folder), options.name, source) : undefined;
  const within = dataDir ?? told?.dataDir;
  const splits = await namedFiles(
    within === undefined ? folder : `${folder}/${within}`,
    dataFiles ?? told?.files,
    undefined,
  );
  const formats = new Set(Object.values(splits).flatMap((paths) => paths.map(formatOfName)));
  const [format] = formats;
  if (format !== undefined && formats.size === 1) return { format, splits };
  throw new DataError(
    `loadDataset: the files in ${source} are of ${formats.size} kinds (${[...formats].map((one) => one ?? "unknown").join(", ")}). Name some of one kind by dataFiles.`,
    { source },
  );
}

async function readmeOf(folder: string): Promise<string> {
  const path = (await files.list(folder))?.find((one) => /^README\.md$/.test(one.slice(folder.length + 1)));
  if (path === undefined) return "";
  let text = "";
  const decoder = new TextDecoder();
  for await (const block of files.blocks(path)) text += decoder.decode(block, { stream: true });
  return text;
}

async function namedFiles(
  folder: string | undefined,
  dataFiles: DataFilesOption | undefined,
  format: FileFormat | "arrow" | undefined,
): Promise<SplitFiles> {
  if (dataFiles === undefined) {
    const all = (await files.list(folder ?? ".")) ?? [];
    const fitting = all.filter((path) => {
      const own = formatOfName(path);
      return format === undefined ? own !== undefined : own === format;
    });
    if (fitting.length === 0) throw new DataError(`loadDataset: there are no data files in ${folder}.`, { folder });
    return splitsByName(folder ?? ".", fitting);
  }
  const bySplit = typeof dataFiles === "string" || isList(dataFiles) ? { train: dataFiles } : dataFiles;
  const splits: Record<string, string[]> = {};
  for (const [split, paths] of Object.entries(bySplit)) {
    splits[split] = [];
    for (const path of typeof paths === "string" ? [paths] : paths)
      splits[split].push(...(await expanded(folder, path)));
  }
  return splits;
}
const isList = (paths: DataFilesOption): paths is readonly string[] => Array.isArray(paths);

async function expanded(folder: string | undefined, path: string): Promise<string[]> {
  const whole = folder === undefined ? path : `${folder}/${path}`;
  if (!isPattern(path)) return [whole];
  const plain = whole.slice(0, whole.search(/[*?{[]/));
  const root = plain.includes("/") ? plain.slice(0, plain.lastIndexOf("/")) : ".";
  const all = (await files.list(root === "" ? "/" : root)) ?? [];
  const pattern = plain.includes("/") ? whole.replace(/^\.\//, "") : whole;
  const found = all.filter((one) => fitsPattern(one.replace(/^\.\//, ""), pattern));
  if (found.length === 0) throw new DataError(`loadDataset: no file fits ${whole}.`, { pattern: whole });
  return found;
}

// ── as tables ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function tabled(
  format: FileFormat | "arrow",
  paths: readonly string[],
  split: string,
  options: LoadOptions<DataFilesOption>,
): Promise<Dataset> {
  const cacheRoot = options.cacheDir ?? files.cacheRoot;
  if (format === "arrow") {
    const tables = paths.map((path) => Table.read(storage.openFile(path)));
    const fingerprint = await files.digest(paths, cacheRoot);
    const dataset = new Dataset(concatTables(tables, tables[0]!.features), { split, fingerprint });
    return options.features === undefined ? dataset : dataset.cast(options.features);
  }
  const { features, field, delimiter, columnNames, sampleBy, keepInMemory = !storage.hasFiles } = options;
  const contents = await files.digest(paths, cacheRoot);
  const how = [format, features && featuresToJson(features), field, delimiter, columnNames, sampleBy, cacheVersion];
  const fingerprint = contents === undefined ? undefined : storage.digest(JSON.stringify([contents, ...how]));
  const cacheDir = `${cacheRoot}/kindling-${format}/${fingerprint}`;
  const file = keepInMemory ? undefined : `${cacheDir}/table.arrow`;
  const table = (file === undefined ? undefined : openTable(file)) ?? (await written(format, paths, options, file));
  return new Dataset(table, keepInMemory ? { split, fingerprint } : { split, fingerprint, cacheDir });
}
/** Another number makes tables anew that an older Kindling kept. */
const cacheVersion = 1;

async function written(
  format: FileFormat,
  paths: readonly string[],
  options: LoadOptions<DataFilesOption>,
  file: string | undefined,
): Promise<Table> {
  const reader: Reader = readers[format];
  const found = options.features ?? (await reader.features?.(paths, options));
  const openSink = (): import("../table/bytes.ts").ByteSink =>
    file === undefined ? new MemorySink() : storage.writeFile(file);
  const writer = new TableWriter(openSink, { features: found });
  try {
    for (const path of paths) for await (const row of reader.rows(path, options, found)) writer.write(row);
  } catch (error) {
    writer.abandon();
    throw error;
  }
  return writer.finish();
}

// ── as streams ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Each file is a shard. */
async function streamed(
  format: FileFormat | "arrow",
  paths: readonly string[],
  options: LoadOptions<DataFilesOption>,
): Promise<IterableDataset> {
  if (format === "arrow")
    return toIterableDataset(await tabled(format, paths, "", options), { numShards: paths.length });
  const reader: Reader = readers[format];
  const features = options.features ?? (await reader.features?.(paths, options));
  const shards = paths.map((path): Shard => skipping(() => reader.rows(path, options, features)));
  const stream = new IterableDataset(new SourceStage(shards));
  return features === undefined ? stream : stream.cast(features);
}

// ── from functions ──────────────────────────────────────────────────────────────────────────────────────────────────

async function loadGenerated(
  make: RowGenerator<Row>,
  options: LoadOptions<DataFilesOption> & { readonly split?: string; readonly streaming?: boolean },
): Promise<unknown> {
  const { features, split, streaming = false, keepInMemory = false } = options;
  if (streaming) {
    const stream = IterableDataset.fromGenerator(make, features === undefined ? {} : { features });
    return split === undefined ? dictOf({ train: stream }) : stream;
  }
  const writer = new TableWriter(() => (keepInMemory ? new MemorySink() : storage.temporaryFile()), { features });
  try {
    for await (const row of make()) writer.write(row);
  } catch (error) {
    writer.abandon();
    throw error;
  }
  const dataset = new Dataset(writer.finish(), { split: split ?? "train" });
  return split === undefined ? dictOf({ train: dataset }) : dataset;
}
