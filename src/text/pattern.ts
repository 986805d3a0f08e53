// Patterns of tokenizer files are written for Oniguruma, the regular expressions of Ruby. Here they become JavaScript's:
// classes widened to Unicode's, `(?i:…)` spelled out, escapes that the `u` flag refuses undone. What has no equal is an
// error that shows the pattern, never a pattern that matches something else.

import { UnsupportedError } from "../base/errors.ts";
import type { Fields } from "./fields.ts";

/** As in tokenizer.json: a literal text, or a regular expression. */
export type PatternConfig = { readonly String: string } | { readonly Regex: string };

/** The pattern under `name`, compiled with the flags `gu`. */
export function readPattern(fields: Fields, name: string): RegExp {
  const pattern = fields.fields(name);
  if (pattern.has("String")) return new RegExp(escapeLiteral(pattern.string("String")), "gu");
  return compilePattern(pattern.string("Regex"), pattern.where);
}

export function escapeLiteral(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** A regular expression of Oniguruma as one of JavaScript. */
export function compilePattern(pattern: string, where = "pattern"): RegExp {
  try {
    return new RegExp(new Translation(pattern).run(), "gu");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnsupportedError(
      `${where}: the pattern ${JSON.stringify(pattern)} cannot be used here: ${reason}`,
      { where, pattern },
      { cause },
    );
  }
}

// Oniguruma's classes for Unicode text, as they stand inside brackets.
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
const WORD_ALONE = `${WORD}²³¹¼½¾`; // outside of brackets \w has these, too
const classes: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  h: "0-9a-fA-F",
  w: WORD,
};
const outsideBrackets: Readonly<Record<string, string>> = {
  H: "[^0-9a-fA-F]",
  w: `[${WORD_ALONE}]`,
  W: `[^${WORD_ALONE}]`,
  b: `(?:(?<=[${WORD_ALONE}])(?![${WORD_ALONE}])|(?<![${WORD_ALONE}])(?=[${WORD_ALONE}]))`,
  B: `(?:(?<=[${WORD_ALONE}])(?=[${WORD_ALONE}])|(?<![${WORD_ALONE}])(?![${WORD_ALONE}]))`,
  A: "(?<![^])",
  z: "(?![^])",
  Z: "(?=\\n?(?![^]))",
};
const sameInBoth = /[nrtfvk1-9xu^$\\.*+?()[\]{}|/-]/;

class Translation {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): string {
    const out = this.#alternatives(false);
    if (this.#at < this.#source.length) throw new Error(`a ")" too many at ${this.#at}`);
    return out;
  }

  /** Up to the end or to the `)` that closes the group around. */
  #alternatives(ignoreCase: boolean): string {
    let out = "";
    while (this.#at < this.#source.length && this.#source[this.#at] !== ")") {
      if (this.#take(/\(\?i\)/y) !== "") ignoreCase = true;
      else out += this.#part(ignoreCase);
    }
    return out;
  }

  #part(ignoreCase: boolean): string {
    const possessive = this.#take(/[*+?]\+/y);
    if (possessive !== "") throw new Error(`the possessive "${possessive}" has no equal; write "${possessive[0]}"`);
    const repeated = this.#take(/\{\d+(,\d*)?\}/y);
    if (repeated !== "") return repeated;
    const char = this.#next();
    switch (char) {
      case "\\":
        return this.#escape(false);
      case "[":
        return this.#brackets(ignoreCase);
      case "(":
        return this.#group(ignoreCase);
      case ".":
        return "[^\\n]";
      case "^":
        return "(?<![^\\n])"; // begins every line, not only the text
      case "$":
        return "(?![^\\n])";
      case "]":
      case "{":
      case "}":
      case "/":
        return `\\${char}`;
      default:
        return ignoreCase ? inEitherCase(char) : char;
    }
  }

  #group(ignoreCase: boolean): string {
    const open = this.#take(/\?(?:[:=!]|<[=!]|<[A-Za-z]\w*>|i:|-i:)/y);
    if (open === "" && this.#source[this.#at] === "?") {
      throw new Error(`the group "(${this.#source.slice(this.#at, this.#at + 3)}" has no equal`);
    }
    const body = this.#alternatives(open === "?i:" || (ignoreCase && open !== "?-i:"));
    if (this.#next() !== ")") throw new Error("a group is not closed");
    return `(${open.endsWith("i:") ? "?:" : open}${body})`;
  }

  #brackets(ignoreCase: boolean): string {
    let out = `[${this.#take(/\^/y)}`;
    for (let first = true; ; first = false) {
      const range = ignoreCase ? this.#take(/[a-z]-[a-z]|[A-Z]-[A-Z]/y) : "";
      const char = range === "" ? this.#next() : "";
      if (range !== "") out += range.toLowerCase() + range.toUpperCase() + farCases(range);
      else if (char === "") throw new Error("a class is not closed");
      else if (char === "]" && !first) return `${out}]`;
      else if (char === "[" || this.#source.startsWith("&&", this.#at - 1))
        throw new Error("a class inside a class has no equal");
      else if (char === "\\") out += this.#escape(true);
      else out += char === "]" ? "\\]" : ignoreCase ? casesOf(char) : char;
    }
  }

  #escape(inBrackets: boolean): string {
    const long = this.#take(/x\{[0-9a-fA-F]+\}/y);
    if (long !== "") return long.replace("x", "\\u");
    const char = this.#next();
    if (char === "p" || char === "P") return this.#property(char);
    if (!inBrackets && outsideBrackets[char] !== undefined) return outsideBrackets[char];
    const set = classes[char];
    if (set !== undefined) return inBrackets ? set : `[${set}]`;
    if (sameInBoth.test(char)) return char === "-" && !inBrackets ? "-" : `\\${char}`;
    if (/[a-zA-Z0-9]/.test(char)) throw new Error(`"\\${char}" has no equal${inBrackets ? " inside brackets" : ""}`);
    return char;
  }

  /** `\p{Han}` is a script, which JavaScript wants called one; `\p{^L}` is `\P{L}`. */
  #property(letter: string): string {
    const [, not = "", name = ""] = /\{(\^?)(.*)\}/.exec(this.#take(/\{[^}]*\}/y)) ?? [];
    const sign = not === "^" ? (letter === "p" ? "P" : "p") : letter;
    for (const spelled of [name, `Script=${name}`]) {
      try {
        return new RegExp(`\\${sign}{${spelled}}`, "u").source;
      } catch {
        // not this spelling
      }
    }
    throw new Error(`there is no property "${name}"`);
  }

  /** What the sticky pattern finds here, or "". */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** The next character, whole, or "" at the end. */
  #next(): string {
    const codePoint = this.#source.codePointAt(this.#at);
    if (codePoint === undefined) return "";
    const char = String.fromCodePoint(codePoint);
    this.#at += char.length;
    return char;
  }
}

/** A letter in all its cases, or a character that has none. */
function casesOf(char: string): string {
  const cases = new Set([char, char.toLowerCase(), char.toUpperCase()]);
  return [...cases].filter((one) => [...one].length === 1).join("") + farCases(char);
}

function inEitherCase(char: string): string {
  const cases = casesOf(char);
  return cases === char ? char : `[${cases}]`;
}

/** The long s and the Kelvin sign are cases of letters far from them; `range` is a character, or two and a hyphen. */
function farCases(range: string): string {
  const [first = "", , last = first] = range.toLowerCase();
  const has = (letter: string) => first <= letter && letter <= last;
  return (has("s") ? "\u017f" : "") + (has("k") ? "\u212a" : "");
}
