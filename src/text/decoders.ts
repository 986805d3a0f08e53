// Decoders turn tokens back into text. Each takes the tokens and gives others; what is left at the end is joined.

import { fromByteLetters } from "./byte-level.ts";
import { Fields } from "./fields.ts";
import { type PatternConfig, readPattern } from "./pattern.ts";
import { type PrependScheme, prependScheme } from "./pre-tokenizers.ts";
import { strictUtf8 } from "./utf8.ts";

export type DecoderConfig =
  | {
      readonly type: "ByteLevel";
      readonly add_prefix_space?: boolean;
      readonly trim_offsets?: boolean;
      readonly use_regex?: boolean;
    }
  | { readonly type: "ByteFallback" | "Fuse" }
  | { readonly type: "BPEDecoder"; readonly suffix: string }
  | {
      readonly type: "CTC";
      readonly pad_token: string;
      readonly word_delimiter_token: string;
      readonly cleanup: boolean;
    }
  | {
      readonly type: "Metaspace";
      readonly replacement: string;
      readonly prepend_scheme?: PrependScheme;
      readonly add_prefix_space?: boolean;
      readonly split?: boolean;
    }
  | { readonly type: "Strip"; readonly content: string; readonly start: number; readonly stop: number }
  | { readonly type: "Replace"; readonly pattern: PatternConfig; readonly content: string }
  | { readonly type: "WordPiece"; readonly prefix: string; readonly cleanup: boolean }
  | { readonly type: "Sequence"; readonly decoders: readonly DecoderConfig[] };

export type Decoder = (tokens: readonly string[]) => readonly string[];

const kinds: { readonly [type in DecoderConfig["type"]]: (fields: Fields) => Decoder } = {
  ByteLevel: () => (tokens) => [fromByteLetters(tokens)],
  ByteFallback: () => byteFallback,
  Fuse: () => (tokens) => [tokens.join("")],
  BPEDecoder: (fields) => {
    const suffix = fields.string("suffix", "</w>");
    return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? "" : " "));
  },
  CTC: (fields) => {
    const [pad, delimiter] = [fields.string("pad_token", "<pad>"), fields.string("word_delimiter_token", "|")];
    const clean = fields.boolean("cleanup", true);
    return (tokens) => ctc(tokens, pad, delimiter, clean);
  },
  Metaspace: (fields) => {
    const [mark, scheme] = [fields.char("replacement", "▁"), prependScheme(fields)];
    return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && scheme !== "never" ? "" : " "));
  },
  Strip: (fields) => {
    const [content, start, stop] = [fields.char("content"), fields.count("start"), fields.count("stop")];
    return (tokens) => tokens.map((token) => strip(token, content, start, stop));
  },
  Replace: (fields) => {
    const pattern = readPattern(fields, "pattern");
    const content = fields.string("content");
    return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
  },
  WordPiece: (fields) => {
    const [prefix, clean] = [fields.string("prefix", "##"), fields.boolean("cleanup", true)];
    return (tokens) => tokens.map((token, i) => wordPiece(token, i, prefix, clean));
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

function wordPiece(token: string, at: number, prefix: string, clean: boolean): string {
  const spaced = at === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
  return clean ? cleanUp(spaced) : spaced;
}

/** Takes the spaces away that English does not write before its signs. */
export function cleanUp(text: string): string {
  return text
    .replaceAll(" .", ".")
    .replaceAll(" ?", "?")
    .replaceAll(" !", "!")
    .replaceAll(" ,", ",")
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" do not", " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

/** Speech models say each letter many times and nothing between letters: one of each run, without the padding. */
function ctc(tokens: readonly string[], pad: string, delimiter: string, clean: boolean): readonly string[] {
  const once = tokens.filter((token, i) => token !== tokens[i - 1]);
  const spelled = once.map((token) => token.replaceAll(pad, ""));
  return (clean ? spelled.map((token) => cleanUp(token).replaceAll(delimiter, " ")) : spelled).filter(
    (token) => token !== "",
  );
}

/** Runs of tokens like `<0xE2>` become the text of their bytes, or one U+FFFD a byte where they are none. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    const text = strictUtf8(bytes);
    if (bytes.length > 0) for (const part of text === null ? bytes.map(() => "\ufffd") : [text]) out.push(part);
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
