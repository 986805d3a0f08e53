// Normalizers rewrite a text before it is cut into words: compose accents, lower the case, replace. Whatever they do,
// every unit keeps the range of the original that it stands for, by the same rules as Rust's `tokenizers`.

import { bertNormalizer } from "./bert-normalizer.ts";
import { toByteLetters } from "./byte-level.ts";
import { Fields } from "./fields.ts";
import { lowercase, nmt, strip, withoutMatches } from "./letters.ts";
import type { Normalized } from "./normalized.ts";
import { anyMark } from "./old-unicode.ts";
import { type PatternConfig, readPattern } from "./pattern.ts";
import { Charsmap } from "./precompiled.ts";
import { type UnicodeForm, unicodeForm } from "./unicode-forms.ts";

export type NormalizerConfig =
  | { readonly type: UnicodeForm | "Lowercase" | "StripAccents" | "Nmt" | "ByteLevel" }
  | {
      readonly type: "BertNormalizer";
      readonly clean_text?: boolean;
      readonly handle_chinese_chars?: boolean;
      readonly strip_accents?: boolean | null;
      readonly lowercase?: boolean;
    }
  | { readonly type: "Strip"; readonly strip_left: boolean; readonly strip_right: boolean }
  | { readonly type: "Prepend"; readonly prepend: string }
  | { readonly type: "Append"; readonly append: string }
  | { readonly type: "Replace"; readonly pattern: PatternConfig; readonly content: string }
  | { readonly type: "Precompiled"; readonly precompiled_charsmap: string | null }
  | { readonly type: "Sequence"; readonly normalizers: readonly NormalizerConfig[] };

export type Normalizer = (text: Normalized) => Normalized;

const kinds: { readonly [type in NormalizerConfig["type"]]: (fields: Fields) => Normalizer } = {
  NFC: () => (text) => unicodeForm(text, "NFC"),
  NFD: () => (text) => unicodeForm(text, "NFD"),
  NFKC: () => (text) => unicodeForm(text, "NFKC"),
  NFKD: () => (text) => unicodeForm(text, "NFKD"),
  Lowercase: () => lowercase,
  StripAccents: () => (text) => withoutMatches(text, anyMark),
  Nmt: () => nmt,
  ByteLevel: () => toByteLetters,
  BertNormalizer: (fields) =>
    bertNormalizer({
      cleanText: fields.boolean("clean_text", true),
      handleChineseChars: fields.boolean("handle_chinese_chars", true),
      stripAccents: fields.has("strip_accents") ? fields.boolean("strip_accents") : null,
      lowercase: fields.boolean("lowercase", true),
    }),
  Strip: (fields) => {
    const [left, right] = [fields.boolean("strip_left", true), fields.boolean("strip_right", true)];
    return (text) => strip(text, left, right);
  },
  Prepend: (fields) => {
    const prefix = fields.string("prepend");
    return (text) => text.prepend(prefix);
  },
  Append: (fields) => {
    const suffix = fields.string("append");
    return (text) => text.append(suffix);
  },
  Replace: readReplace,
  Precompiled: (fields) => {
    // Python writes null for a model that has no table.
    if (!fields.has("precompiled_charsmap") || fields.string("precompiled_charsmap") === "") return (text) => text;
    const map = Charsmap.fromBase64(fields.string("precompiled_charsmap"), `${fields.where}.precompiled_charsmap`);
    return (text) => map.normalize(text);
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

function readReplace(fields: Fields): Normalizer {
  const pattern = readPattern(fields, "pattern");
  const content = fields.string("content");
  const literal = fields.fields("pattern").has("String") ? fields.fields("pattern").string("String") : "";
  // As many units as before, one by one: the alignment stays.
  const sameLength = literal.length === 1 && content.length === 1;
  return (text) => {
    if (sameLength) return text.withText(text.text.replaceAll(literal, content));
    return text.replace(pattern, content);
  };
}
