// Decoders turn tokens back into text. Each takes the tokens and gives others; what is left at the end is joined.

import { fromByteLetters } from "./byte-level.ts";
import { Fields } from "./fields.ts";
import { type PatternConfig, readPattern } from "./pattern.ts";
import { decodeUtf8 } from "./utf8.ts";

export type DecoderConfig =
  | {
      readonly type: "ByteLevel";
      readonly add_prefix_space?: boolean;
      readonly trim_offsets?: boolean;
      readonly use_regex?: boolean;
    }
  | { readonly type: "ByteFallback" }
  | { readonly type: "Fuse" }
  | { readonly type: "Strip"; readonly content: string; readonly start: number; readonly stop: number }
  | { readonly type: "Replace"; readonly pattern: PatternConfig; readonly content: string }
  | { readonly type: "Sequence"; readonly decoders: readonly DecoderConfig[] };

export type Decoder = (tokens: readonly string[]) => readonly string[];

const kinds: { readonly [type in DecoderConfig["type"]]: (fields: Fields) => Decoder } = {
  ByteLevel: () => (tokens) => [fromByteLetters(tokens)],
  ByteFallback: () => byteFallback,
  Fuse: () => (tokens) => [tokens.join("")],
  Strip: (fields) => {
    const [content, start, stop] = [fields.string("content"), fields.count("start"), fields.count("stop")];
    return (tokens) => tokens.map((token) => strip(token, content, start, stop));
  },
  Replace: (fields) => {
    const pattern = readPattern(fields, "pattern");
    const content = fields.string("content");
    return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
  },
  Sequence: (fields) => {
    const steps = fields.array("decoders").map((config, i) => readDecoder(config, `${fields.where}.decoders[${i}]`));
    return (tokens) => steps.reduce((done, step) => step(done), tokens);
  },
};

/** The decoder that a config describes; null puts a space between the tokens. */
export function readDecoder(config: unknown, where = "decoder"): Decoder {
  if (config === null || config === undefined) return (tokens) => [tokens.join(" ")];
  const fields = new Fields(config, where);
  return fields.byType(kinds, "decoder")(fields);
}

/** Runs of tokens like `<0xE2>` become the text of their bytes, or one U+FFFD a byte where they are none. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    const text = decodeUtf8(bytes);
    // U+FFFD itself is three honest bytes.
    const torn = text.includes("\ufffd") && !String.fromCharCode(...bytes).includes("\xef\xbf\xbd");
    if (bytes.length > 0) out.push(...(torn ? bytes.map(() => "\ufffd") : [text]));
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) {
      bytes.push(Number.parseInt(byte, 16));
      continue;
    }
    flush();
    out.push(token);
  }
  flush();
  return out;
}

/** Takes up to `start` and `stop` of `content` from the ends. */
function strip(token: string, content: string, start: number, stop: number): string {
  const chars = [...token];
  let [from, to] = [0, chars.length];
  while (from < start && chars[from] === content) from++;
  while (chars.length - to < stop && to > from && chars[to - 1] === content) to--;
  return chars.slice(from, to).join("");
}
