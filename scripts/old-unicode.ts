// Makes src/text/old-unicode.ts: where the Unicode tables of Rust's `tokenizers` differ from this runtime's. Without --write
// it only tells whether the file is as it would be written.
//
//   node scripts/old-unicode.ts [--python PATH] [--write]

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: { python: { type: "string", default: "python" }, write: { type: "boolean", default: false } },
});

const forms = ["NFC", "NFD", "NFKC", "NFKD"] as const;

type Rust = {
  nonspacingMark: number[];
  anyMark: number[];
  punctuation: number[];
  control: number[];
  sorted: number[];
  forms: { [form in (typeof forms)[number]]: { [char: string]: string } };
};

/** All characters but halves of surrogate pairs. */
const codes = Array.from({ length: 0x110000 }, (_, code) => code).filter((code) => code < 0xd800 || code >= 0xe000);

const asked = execFileSync(flags.python, [fileURLToPath(new URL("goldens/old_unicode.py", import.meta.url))], {
  encoding: "utf8",
  maxBuffer: 1 << 28,
});
const rust = JSON.parse(asked) as Rust;

/** The characters of a class here that are none there, and those there that are none here. */
function differences(theirs: readonly number[], ours: RegExp): { only: number[]; missing: number[] } {
  const known = new Set(theirs);
  const [only, missing]: [number[], number[]] = [[], []];
  for (const code of codes) {
    const here = ours.test(String.fromCodePoint(code));
    if (here && !known.has(code)) only.push(code);
    if (!here && known.has(code)) missing.push(code);
  }
  return { only, missing };
}

/** As a class of a regular expression writes them; a gap without any character of the class is no gap. */
function ranges(list: readonly number[], ours?: RegExp): string {
  const out: [first: number, last: number][] = [];
  for (const code of list) {
    const last = out.at(-1);
    if (last !== undefined && (code === last[1] + 1 || (ours !== undefined && emptyBetween(last[1], code, ours))))
      last[1] = code;
    else out.push([code, code]);
  }
  return out.map(([first, last]) => (first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`)).join("");
}

function emptyBetween(first: number, end: number, ours: RegExp): boolean {
  if (end - first >= 40) return false;
  for (let code = first + 1; code < end; code++) if (ours.test(String.fromCodePoint(code))) return false;
  return true;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
}

function pattern(theirs: readonly number[], characters: string, besides = ""): string {
  const ours = new RegExp(`^[${characters}]$`, "u");
  const { only, missing } = differences(theirs, ours);
  const kept = only.filter((code) => !besides.includes(String.fromCodePoint(code)));
  const lines = besides === "" ? "" : "\\t\\n\\r";
  return `/(?![${lines}${ranges(kept, ours)}])[${characters}${ranges(missing)}]/gu`;
}

/** Whether a mark of the last class goes behind it. */
function isSorted(char: string): boolean {
  const [mark, form] = ["a\u0345", char.normalize("NFD")];
  const text = (mark + char).normalize("NFD");
  return text !== mark + char && text !== mark + form;
}

/** Characters that have a form or an order here and none there, and those that begin what composes only here. */
function newerForms(): number[] {
  const [sorted, newer] = [new Set(rust.sorted), new Set<number>()];
  for (const code of codes) {
    const char = String.fromCodePoint(code);
    const differs = forms.some((form) => (rust.forms[form][char] ?? char) !== char.normalize(form));
    if (differs || (isSorted(char) && !sorted.has(code))) newer.add(code);
    const parts = char.normalize("NFD");
    if (differs && parts !== char && parts.normalize("NFC") === char) newer.add(parts.codePointAt(0) ?? 0);
  }
  return [...newer].sort((a, b) => a - b);
}

const ignore = "  // biome-ignore lint/suspicious/noMisleadingCharacterClass: ranges of marks are meant\n";
const file = `\
// The tables of Rust's \`tokenizers\` are older than JavaScript's: its punctuation and marks are those of Unicode 8, its
// normal forms those of Unicode 9. For its tokenizers to mean the same here, characters that came later count as they did
// then. scripts/old-unicode.ts wrote this from what Rust's side does with each character.

/** One nonspacing mark. */
export const nonspacingMark: RegExp =
${ignore}  ${pattern(rust.nonspacingMark, "\\p{Mn}")};

/** One mark of any kind. */
export const anyMark: RegExp =
${ignore}  ${pattern(rust.anyMark, "\\p{M}")};

/** One sign of punctuation, or of ASCII's other signs. */
export const punctuation: RegExp =
  ${pattern(rust.punctuation, "!-/:-@[-`{-~\\p{P}")};

/** One control, format or private character, but for tab and line ends. */
export const control: RegExp = ${pattern(
  rust.control.filter((code) => code !== 0 && code !== 0xfffd),
  "\\p{Cc}\\p{Cf}\\p{Co}",
  "\t\n\r\0",
)};

/** Characters that have a normal form, or an order among marks, only since. */
export const withoutForms: RegExp =
  ${ignore.trim()}
  /([${ranges(newerForms())}])/u;
`;

const target = new URL("../src/text/old-unicode.ts", import.meta.url);
if (flags.write) writeFileSync(target, file);
else if (readFileSync(target, "utf8") === file) console.log("ok   src/text/old-unicode.ts is as Rust has it");
else {
  console.log("WRONG src/text/old-unicode.ts is not what would be written: look at it with --write and git diff");
  process.exitCode = 1;
}
