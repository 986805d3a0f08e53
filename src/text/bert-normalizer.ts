// What BERT does to a text before it is cut: control characters out, every blank a space, Chinese characters apart,
// accents off, lower case.

import { lowercase, withoutMatches } from "./letters.ts";
import type { Normalized } from "./normalized.ts";
import { control, nonspacingMark } from "./old-unicode.ts";
import { unicodeForm } from "./unicode-forms.ts";

export type BertOptions = {
  readonly cleanText: boolean;
  readonly handleChineseChars: boolean;
  /** null: as `lowercase`. */
  readonly stripAccents: boolean | null;
  readonly lowercase: boolean;
};

const removed = new RegExp(`[\\0\ufffd]|${control.source}`, "gu");
const blanks = /[\t\n\r\u0085\p{Z}]/gu;
const chinese =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
const onlyAscii = /^[\t\n\r -~]*$/;

export function bertNormalizer(options: BertOptions): (text: Normalized) => Normalized {
  const stripAccents = options.stripAccents ?? options.lowercase;
  return (text) => {
    let done = text;
    if (onlyAscii.test(done.text)) {
      if (options.cleanText) done = done.withText(done.text.replace(/[\t\n\r]/g, " "));
      return options.lowercase ? done.withText(done.text.toLowerCase()) : done;
    }
    if (options.cleanText) {
      done = withoutMatches(done, removed);
      done = done.withText(done.text.replace(blanks, " "));
    }
    if (options.handleChineseChars) done = done.mapChars(chinese, (char) => ` ${char} `);
    if (stripAccents) done = withoutMatches(unicodeForm(done, "NFD"), nonspacingMark);
    return options.lowercase ? lowercase(done) : done;
  };
}
