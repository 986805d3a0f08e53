// Normalizers rewrite a text before it is cut into words: compose accents, lower the case, replace. Whatever they do,
// every unit keeps the range of the original that it stands for.

import { Fields } from "./fields.ts";
import type { Normalized, Rewrite } from "./normalized.ts";
import { type PatternConfig, readPattern } from "./pattern.ts";

export type NormalizerConfig =
  | { readonly type: "NFC" | "NFD" | "NFKC" | "NFKD" }
  | { readonly type: "Lowercase" }
  | { readonly type: "Prepend"; readonly prepend: string }
  | { readonly type: "Replace"; readonly pattern: PatternConfig; readonly content: string }
  | { readonly type: "Sequence"; readonly normalizers: readonly NormalizerConfig[] };

export type Normalizer = (text: Normalized) => Normalized;

const kinds: { readonly [type in NormalizerConfig["type"]]: (fields: Fields) => Normalizer } = {
  NFC: () => (text) => unicodeForm(text, "NFC"),
  NFD: () => (text) => unicodeForm(text, "NFD"),
  NFKC: () => (text) => unicodeForm(text, "NFKC"),
  NFKD: () => (text) => unicodeForm(text, "NFKD"),
  Lowercase: () => lowercase,
  Prepend: (fields) => {
    const prefix = fields.string("prepend");
    return (text) => text.prepend(prefix);
  },
  Replace: (fields) => {
    const pattern = readPattern(fields, "pattern");
    const content = fields.string("content");
    return (text) => text.rewrite(replacements(text.text, pattern, content));
  },
  Sequence: (fields) => {
    const steps = fields
      .array("normalizers")
      .map((config, i) => readNormalizer(config, `${fields.where}.normalizers[${i}]`));
    return (text) => steps.reduce((done, step) => step(done), text);
  },
};

/** The normalizer that a config describes; null changes nothing. */
export function readNormalizer(config: unknown, where = "normalizer"): Normalizer {
  if (config === null || config === undefined) return (text) => text;
  const fields = new Fields(config, where);
  return fields.byType(kinds, "normalizer")(fields);
}

function* replacements(text: string, pattern: RegExp, content: string): Generator<Rewrite> {
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    yield [text.slice(at, match.index), at, match.index];
    yield [content, match.index, end];
    at = end;
  }
  yield [text.slice(at), at, text.length];
}

/** Each character on its own: no final sigma. */
function lowercase(text: Normalized): Normalized {
  // Only these two lower differently in company or change their length.
  if (!/[Σİ]/.test(text.text)) return text.withText(text.text.toLowerCase());
  return text.rewrite(mapped(text.text, /./gsu, (char) => char.toLowerCase()));
}

type UnicodeForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/** A character with what combines with it: marks, and the vowels and finals of Hangul. */
const clusters = /.[\p{M}\u1160-\u11ff\u{16d63}\u{16d67}-\u{16d6a}]*/gsu;

function unicodeForm(text: Normalized, form: UnicodeForm): Normalized {
  const whole = text.text.normalize(form);
  if (whole === text.text) return text;
  const byCluster = text.rewrite(mapped(text.text, clusters, (cluster) => cluster.normalize(form)));
  // Should a later Unicode combine across clusters, the text is still right and its alignment coarse.
  return byCluster.text === whole ? byCluster : text.rewrite([[whole, 0, text.text.length]]);
}

function* mapped(text: string, pattern: RegExp, change: (part: string) => string): Generator<Rewrite> {
  for (const match of text.matchAll(pattern)) yield [change(match[0]), match.index, match.index + match[0].length];
}
