// Features as Parquet's schema, and blocks of rows as its row groups; hyparquet-writer does the rest.

import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { UnsupportedError } from "../../base/errors.ts";
import {
  ClassLabel,
  type Feature,
  type Features,
  featuresToJson,
  isStruct,
  Json,
  LargeList,
  List,
  type Value,
} from "../features.ts";
import { schemaMessage } from "../table/arrow.ts";
import type { Columns } from "../table/table.ts";

/** Gives its bytes away after each group of rows. */
class PassingWriter extends ByteWriter {
  readonly #write: (bytes: Uint8Array) => void;
  constructor(write: (bytes: Uint8Array) => void) {
    super();
    this.#write = write;
  }
  flush(): void {
    this.#write(this.getBytes().slice());
    this.index = 0;
  }
  override finish(): void {
    this.flush();
  }
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
/** Lists of a fixed length become any: pyarrow reads no null in a fixed one, not even its own. Hugging Face's words keep the length. */
function unfixedAll(features: Features): Features {
  return Object.fromEntries(Object.entries(features).map(([name, feature]) => [name, unfixed(feature)]));
}
function unfixed(feature: Feature): Feature {
  if (feature instanceof List) return new List(unfixed(feature.feature));
  if (feature instanceof LargeList) return new LargeList(unfixed(feature.feature));
  return isStruct(feature) ? unfixedAll(feature) : feature;
}

const groupRows = 10_000;
const groupBytes = 2 ** 25;

export class ParquetSink {
  readonly #features: Features;
  readonly #writer: ParquetWriter;
  #pending: Record<string, unknown[]> = {};
  #rows = 0;

  constructor(features: Features, write: (bytes: Uint8Array) => void) {
    this.#features = features;
    const columns = Object.entries(features);
    const schema = [
      { name: "schema", num_children: columns.length },
      ...columns.flatMap(([name, feature]) => schemaOf(name, feature)),
    ];
    const info = JSON.stringify({ info: { features: featuresToJson(features) } });
    this.#writer = new ParquetWriter({
      writer: new PassingWriter(write),
      schema,
      kvMetadata: [
        { key: "huggingface", value: info },
        { key: "ARROW:schema", value: base64(schemaMessage(unfixedAll(features))) },
      ],
    });
  }
  write(columns: Columns, rows: number): void {
    for (const [name, feature] of Object.entries(this.#features)) {
      const list = (this.#pending[name] ??= []);
      for (const value of columns[name]!) list.push(storedAs(feature, value));
    }
    this.#rows += rows;
    // Blocks are small where rows are large, so few of those make a group.
    if (this.#rows >= groupRows || rows * groupBytes < this.#rows * 2 ** 24) this.#flush();
  }
  #flush(): void {
    if (this.#rows === 0) return;
    const columnData = Object.entries(this.#pending).map(([name, data]) => ({ name, data }));
    this.#writer.write({ columnData, rowGroupSize: this.#rows });
    this.#pending = {};
    this.#rows = 0;
  }
  end(): void {
    this.#flush();
    this.#writer.finish();
  }
}

function schemaOf(name: string, feature: Feature): SchemaElement[] {
  const optional = { name, repetition_type: "OPTIONAL" } as const;
  if (feature instanceof ClassLabel) return [{ ...optional, type: "INT64" }];
  if (feature instanceof Json) return [{ ...optional, type: "BYTE_ARRAY", converted_type: "JSON" }];
  if (feature instanceof List || feature instanceof LargeList) {
    const list = { name: "list", repetition_type: "REPEATED", num_children: 1 } as const;
    return [{ ...optional, converted_type: "LIST", num_children: 1 }, list, ...schemaOf("element", feature.feature)];
  }
  if (isStruct(feature)) {
    const parts = Object.entries(feature);
    return [{ ...optional, num_children: parts.length }, ...parts.flatMap(([part, of]) => schemaOf(part, of))];
  }
  return [{ ...optional, ...valueType(feature) }];
}

type Stored = Pick<SchemaElement, "type" | "converted_type" | "type_length" | "logical_type">;

function valueType({ dtype }: Value): Stored {
  const types: Readonly<Record<string, Stored>> = {
    null: { type: "INT32" },
    bool: { type: "BOOLEAN" },
    int8: { type: "INT32", converted_type: "INT_8" },
    int16: { type: "INT32", converted_type: "INT_16" },
    int32: { type: "INT32" },
    int64: { type: "INT64" },
    uint8: { type: "INT32", converted_type: "UINT_8" },
    uint16: { type: "INT32", converted_type: "UINT_16" },
    uint32: { type: "INT32", converted_type: "UINT_32" },
    uint64: { type: "INT64", converted_type: "UINT_64" },
    float16: { type: "FIXED_LEN_BYTE_ARRAY", type_length: 2, logical_type: { type: "FLOAT16" } },
    float32: { type: "FLOAT" },
    float64: { type: "DOUBLE" },
    string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
    large_string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
    binary: { type: "BYTE_ARRAY" },
    large_binary: { type: "BYTE_ARRAY" },
    date32: { type: "INT32", converted_type: "DATE" },
  };
  const type = types[dtype];
  if (type !== undefined) return type;
  // The older word says how values are stored, the newer one whether they belong to a zone.
  const unit = /timestamp\[(us|ns)/.test(dtype) ? "MICROS" : "MILLIS";
  const isAdjustedToUTC = dtype.includes("tz=");
  return {
    type: "INT64",
    converted_type: `TIMESTAMP_${unit}`,
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC, unit },
  };
}

/** A value as the writer wants it. */
function storedAs(feature: Feature, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (feature instanceof ClassLabel) return BigInt(value as number); // a class
  if (feature instanceof Json) return value;
  if (feature instanceof List || feature instanceof LargeList) {
    return (value as unknown[]).map((one) => storedAs(feature.feature, one)); // a list, as its column holds
  }
  if (isStruct(feature)) {
    const fields = value as Readonly<Record<string, unknown>>; // a structure, as its column holds
    return Object.fromEntries(Object.entries(feature).map(([name, part]) => [name, storedAs(part, fields[name])]));
  }
  if (/^u?int64$/.test(feature.dtype)) return BigInt(value as number | bigint); // a whole number, as its column holds
  if (typeof value === "bigint") throw new UnsupportedError(`toParquet: ${value} in a column of ${feature.dtype}.`, {});
  return value;
}
