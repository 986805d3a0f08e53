// Fills encodings up to one length.

import { ArgumentError } from "../base/errors.ts";
import type { Encoding } from "./encoding.ts";
import { Fields, type JsonObject } from "./fields.ts";
import type { Side } from "./truncation.ts";

/** Pads to `length`, or to the longest of a batch, and on to a multiple. */
export type Padding = {
  readonly length?: number | undefined;
  readonly multipleOf?: number | undefined;
  readonly side?: Side;
  readonly padId?: number;
  readonly padTypeId?: number;
  readonly padToken?: string;
};

/** `padding` of tokenizer.json. */
export function readPadding(config: unknown, where = "padding"): Padding | null {
  if (config === null || config === undefined) return null;
  const fields = new Fields(config, where);
  const longest = fields.object["strategy"] === "BatchLongest";
  return {
    length: longest ? undefined : fields.fields("strategy").count("Fixed"),
    multipleOf: fields.has("pad_to_multiple_of") ? fields.count("pad_to_multiple_of", 1, 1) : undefined,
    side: fields.oneOf("direction", ["Left", "Right"], "Right") === "Left" ? "left" : "right",
    padId: fields.count("pad_id", 0),
    padTypeId: fields.count("pad_type_id", 0),
    padToken: fields.string("pad_token", "[PAD]"),
  };
}

export function paddingJson(padding: Padding): JsonObject {
  const { length, multipleOf, side, padId = 0, padTypeId = 0, padToken = "[PAD]" } = padding;
  return {
    strategy: length === undefined ? "BatchLongest" : { Fixed: length },
    direction: side === "left" ? "Left" : "Right",
    pad_to_multiple_of: multipleOf ?? null,
    pad_id: padId,
    pad_type_id: padTypeId,
    pad_token: padToken,
  };
}

/** The encodings as padding wants them; those that are longer stay so. */
export function padAll(encodings: readonly Encoding[], padding: Padding): Encoding[] {
  const target = paddedLength(
    encodings.map((encoding) => encoding.length),
    padding.length,
    padding.multipleOf,
  );
  return encodings.map((encoding) => pad(encoding, target, padding));
}

/** The length that texts of these lengths are padded to. */
export function paddedLength(lengths: readonly number[], length: number | undefined, multipleOf = 1): number {
  if (!(multipleOf >= 1)) {
    throw new ArgumentError(`pad: padToMultipleOf must be 1 or more, got ${multipleOf}.`, {
      padToMultipleOf: multipleOf,
    });
  }
  const wanted = length ?? lengths.reduce((longest, one) => Math.max(longest, one), 0);
  return Math.ceil(wanted / multipleOf) * multipleOf;
}

/** Values with the filler at one end. */
export function filled<T>(values: readonly T[], missing: number, filler: T, side: Side): T[] {
  const more = new Array<T>(missing).fill(filler);
  return side === "right" ? values.concat(more) : more.concat(values);
}

function pad(encoding: Encoding, target: number, padding: Padding): Encoding {
  const { side = "right", padId = 0, padTypeId = 0, padToken = "[PAD]" } = padding;
  const overflowing = encoding.overflowing.map((one) => pad(one, target, padding));
  const missing = target - encoding.length;
  if (missing <= 0) return encoding.overflowing.length === 0 ? encoding : encoding.with({}, overflowing);
  const { columns } = encoding;
  const by = side === "left" ? missing : 0;
  const texts = new Map([...columns.texts].map(([at, text]) => [at + by, text]));
  const firstPad = side === "left" ? 0 : encoding.length;
  for (let at = firstPad; at < firstPad + missing; at++) texts.set(at, padToken);
  const more = (values: readonly number[], filler: number) => filled(values, missing, filler, side);
  return encoding.with(
    {
      ids: more(columns.ids, padId),
      starts: more(columns.starts, 0),
      ends: more(columns.ends, 0),
      words: more(columns.words, -1),
      typeIds: more(columns.typeIds, padTypeId),
      specialTokensMask: more(columns.specialTokensMask, 1),
      attentionMask: more(columns.attentionMask, 0),
      texts,
      sequences: columns.sequences.map((range) => ({ ...range, start: range.start + by, end: range.end + by })),
    },
    overflowing,
  );
}
