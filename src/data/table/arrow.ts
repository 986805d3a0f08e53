// Tables as Arrow streams, the very files that Python's `datasets` writes and reads: a schema, then batches of rows, then an
// end mark, whose absence tells of a file that was cut off. https://arrow.apache.org/docs/format/Columnar.html
//
//     message = ffffffff, i32 bytes of the metadata, metadata (FlatBuffers), body (buffers, each at a multiple of 8)
//     end     = ffffffff, 0

import { DataError, UnsupportedError } from "../../base/errors.ts";
import {
  type Feature,
  type Features,
  featureFromJson,
  featuresToJson,
  isStruct,
  Json,
  LargeList,
  List,
  Value,
} from "../features.ts";
import { type ByteSink, type ByteSource, MemoryBytes } from "./bytes.ts";
import type { Batch } from "./decode.ts";
import { encode, Misfit, type Parts } from "./encode.ts";
import { type Field, FlatTable, writeFlatbuffer } from "./flatbuffer.ts";
import { featureOfField, fieldOf, type Layout, layoutOf, Places } from "./layout.ts";

export interface TableFields {
  readonly features: Features;
  readonly layouts: ReadonlyMap<string, Layout>;
}

function layoutsOf(features: Features): TableFields {
  const places = new Places();
  const layouts = new Map(Object.entries(features).map(([name, feature]) => [name, layoutOf(feature, places)]));
  return { features, layouts };
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const [version, schemaHeader, batchHeader] = [4, 1, 3]; // MetadataVersion V5; the union MessageHeader

function message(header: number, fields: readonly Field[], bodyBytes: number): Uint8Array {
  const metadata = writeFlatbuffer([
    [0, "i16", version],
    [1, "u8", header],
    [2, "table", fields],
    [3, "i64", bodyBytes],
  ]);
  const bytes = new Uint8Array(8 + metadata.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setInt32(4, metadata.length, true);
  bytes.set(metadata, 8);
  return bytes;
}

/** The schema of features, as a stream begins with it and Parquet files keep it. */
export function schemaMessage(features: Features): Uint8Array {
  const info = JSON.stringify({ info: { features: featuresToJson(features) } });
  const huggingface: Field[] = [
    [0, "text", "huggingface"],
    [1, "text", info],
  ];
  const fields = Object.entries(features).map(([name, feature]) => fieldOf(name, feature));
  const schema: Field[] = [
    [1, "tables", fields],
    [2, "tables", [huggingface]],
  ];
  return message(schemaHeader, schema, 0);
}

/** Writes batches of rows of given features. */
export class StreamWriter {
  readonly fields: TableFields;
  readonly #sink: Pick<ByteSink, "write">;

  constructor(features: Features, sink: Pick<ByteSink, "write">) {
    this.fields = layoutsOf(features);
    this.#sink = sink;
    sink.write(schemaMessage(features));
  }

  /** One batch. A value that does not fit throws a `Misfit` with its column and row, and nothing is written. */
  write(columns: Readonly<Record<string, ArrayLike<unknown>>>, rows: number): void {
    const parts: Parts = { nodes: [], buffers: [] };
    for (const [name, layout] of this.fields.layouts) {
      try {
        encode(layout, columns[name]!, parts);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        throw new Misfit(`column "${name}": ${error.message}`, { ...error.facts, column: name });
      }
    }
    const places: number[] = [];
    let bodyBytes = 0;
    for (const { length } of parts.buffers) {
      places.push(bodyBytes, length);
      bodyBytes += padded(length);
    }
    const fields: Field[] = [
      [0, "i64", rows],
      [1, "pairs", parts.nodes],
      [2, "pairs", places],
    ];
    this.#sink.write(message(batchHeader, fields, bodyBytes));
    for (const buffer of parts.buffers) {
      this.#sink.write(buffer);
      this.#sink.write(gaps[padded(buffer.length) - buffer.length]!);
    }
  }

  end(): void {
    this.#sink.write(new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0]));
  }
}
const padded = (length: number): number => Math.ceil(length / 8) * 8;
const gaps: readonly Uint8Array[] = Array.from({ length: 8 }, (_, bytes) => new Uint8Array(bytes));

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface StreamContents {
  readonly fields: TableFields;
  readonly batches: readonly Batch[];
}

/** What stands in a stream. Only metadata is read; every batch is checked to lie within the file. */
export function readStream(source: ByteSource): StreamContents {
  let at = 0;
  try {
    if (source.size >= 8 && String.fromCharCode(...source.read(0, 6)) === "ARROW1") at = 8; // a stream lies in the file format too
    let fields: TableFields | undefined;
    const batches: Batch[] = [];
    for (;;) {
      const next = readMessage(source, at);
      if (next === undefined) break;
      const { header, table, body, end } = next;
      if (header === schemaHeader) fields = readSchema(table);
      else if (header === batchHeader) {
        if (fields === undefined) throw new RangeError("rows come before the schema");
        batches.push(readBatch(source, table, body, end, fields));
      } else throw new UnsupportedError(`message ${header} (a dictionary?) is not read`, {});
      at = end;
    }
    if (fields === undefined) throw new RangeError("there is no schema");
    return { fields, batches };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof DataError || error instanceof UnsupportedError)) throw error;
    throw new DataError(
      `read ${source.name}, byte ${at}: ${error.message}. Is it an Arrow stream, and is it whole? If it is a cache, delete it.`,
      { file: source.name, position: at },
      { cause: error },
    );
  }
}

interface ReadMessage {
  readonly header: number;
  readonly table: FlatTable;
  readonly body: number;
  readonly end: number;
}

function readMessage(source: ByteSource, at: number): ReadMessage | undefined {
  const head = source.read(at, 8);
  const view = new DataView(head.buffer, head.byteOffset, 8);
  if (view.getUint32(0, true) !== 0xffffffff) throw new RangeError("a message does not begin with ffffffff");
  const bytes = view.getInt32(4, true);
  if (bytes === 0) return undefined;
  if (bytes < 16) throw new RangeError(`a message has metadata of ${bytes} bytes`);
  const root = FlatTable.root(source.read(at + 8, bytes).slice());
  const body = at + 8 + bytes;
  const bodyBytes = root.i64(3);
  const end = body + bodyBytes;
  const table = root.table(2);
  if (bodyBytes < 0 || end > source.size) throw new RangeError(`a message goes on to byte ${end} of ${source.size}`);
  if (table === undefined) throw new RangeError("a message is empty");
  return { header: root.u8(1), table, body, end };
}

/** The features of a schema that stands alone, as Parquet files keep it. */
export function featuresOfSchema(bytes: Uint8Array): Features {
  const message = readMessage(new MemoryBytes(bytes, "a schema"), 0);
  if (message === undefined) throw new RangeError("there is no schema");
  return readSchema(message.table).features;
}

function readSchema(schema: FlatTable): TableFields {
  if (schema.i16(0) !== 0) throw new UnsupportedError("numbers in big-endian order are not read", {});
  const bare = Object.fromEntries(schema.tables(1).map((field) => [field.text(0) ?? "", featureOfField(field)]));
  const metadata = schema.tables(2).find((entry) => entry.text(0) === "huggingface");
  return layoutsOf(named(bare, metadata?.text(1)));
}

/** Hugging Face's features where they tell more (class names), as long as they are stored as the schema says. */
function named(bare: Features, metadata: string | undefined): Features {
  if (metadata === undefined) return bare;
  let told: unknown;
  try {
    told = JSON.parse(metadata);
  } catch {
    return bare;
  }
  const info = (told as { readonly info?: { readonly features?: unknown } } | null)?.info?.features; // if it is as it should be
  if (typeof info !== "object" || info === null) return bare;
  const features = info as Readonly<Record<string, unknown>>; // an object, as just seen
  return Object.fromEntries(
    Object.entries(bare).map(([name, feature]) => {
      if (!Object.hasOwn(features, name)) return [name, feature];
      const better = featureFromJson(features[name], `column "${name}"`);
      return [name, sameStorage(feature, better) ? better : feature];
    }),
  );
}
function sameStorage(a: Feature, b: Feature): boolean {
  return JSON.stringify(fieldOf("", stored(a))) === JSON.stringify(fieldOf("", stored(b)));
}
/** JSON is stored as text, whether its file says so or not. */
function stored(feature: Feature): Feature {
  if (feature instanceof Json) return new Value("string");
  if (feature instanceof List) return new List(stored(feature.feature), { length: feature.length });
  if (feature instanceof LargeList) return new LargeList(stored(feature.feature));
  if (!isStruct(feature)) return feature;
  return Object.fromEntries(Object.entries(feature).map(([name, part]) => [name, stored(part)]));
}

function readBatch(source: ByteSource, table: FlatTable, body: number, end: number, fields: TableFields): Batch {
  if (table.table(3) !== undefined)
    throw new UnsupportedError("compressed batches are not read: write without compression", {});
  const rows = table.i64(0);
  const nodes = table.pairs(1);
  const buffers = table.pairs(2);
  for (let i = 0; i < buffers.length; i += 2) {
    const [place, size] = [buffers[i]!, buffers[i + 1]!];
    if (place < 0 || size < 0 || body + place + size > end) throw new RangeError("a buffer lies outside of its batch");
  }
  for (const [name, { node }] of fields.layouts) {
    if (nodes[2 * node] !== rows) throw new RangeError(`column "${name}" has ${nodes[2 * node]} of ${rows} rows`);
  }
  return { rows, source, body, nodes, buffers };
}
