// What Python's str and repr say of values, and what its strings can do that a chat template may ask of them.

/** A value of a template: what kind it is, and what it holds. */
export type TemplateValue = { readonly type: string; readonly value: unknown; toString(): string };

/** As `{{ value }}` prints it: `True`, `None`, `['a', 1]`; nothing for what is not defined. */
export function str(value: TemplateValue): string {
  if (value.type === "StringValue") return String(value.value);
  return value.type === "UndefinedValue" ? "" : repr(value);
}

function repr(value: TemplateValue): string {
  switch (value.type) {
    case "NullValue":
      return "None";
    case "UndefinedValue":
      return "Undefined";
    case "BooleanValue":
      return value.value === true ? "True" : "False";
    case "StringValue":
      return quoted(String(value.value));
    case "ArrayValue":
      return `[${items(value).join(", ")}]`;
    case "TupleValue":
      return items(value).length === 1 ? `(${items(value)[0]},)` : `(${items(value).join(", ")})`;
    case "ObjectValue": {
      const entries = value.value as ReadonlyMap<string, TemplateValue>; // what its kind holds
      return `{${[...entries].map(([key, item]) => `${quoted(key)}: ${repr(item)}`).join(", ")}}`;
    }
    default:
      return value.toString();
  }
}

function items(value: TemplateValue): string[] {
  return (value.value as readonly TemplateValue[]).map(repr); // a list or a tuple
}

const SHORT: { readonly [char: string]: string } = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replace(/[\\\n\r\t'\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (char) => {
    if (char === "'") return quote === "'" ? "\\'" : "'";
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    if (code < 256) return SHORT[char] ?? `\\x${hex.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  return quote + inner + quote;
}

type Method = (text: string, ...args: readonly unknown[]) => unknown;

/** The methods that @huggingface/jinja lacks, or whose arguments it does not read; `undefined` leaves the call to it. */
export const stringMethods: { readonly [name: string]: Method } = {
  strip: (text, chars) => stripped(text, chars, true, true),
  lstrip: (text, chars) => stripped(text, chars, true, false),
  rstrip: (text, chars) => stripped(text, chars, false, true),
  capitalize: (text) => capitalized(text),
  join: (text, list) =>
    Array.isArray(list) && list.every((item) => typeof item === "string") ? list.join(text) : undefined,
  find: (text, part) => codePointAt(text, typeof part === "string" ? text.indexOf(part) : undefined),
  rfind: (text, part) => codePointAt(text, typeof part === "string" ? text.lastIndexOf(part) : undefined),
  count: (text, part) => (typeof part === "string" && part !== "" ? text.split(part).length - 1 : undefined),
  removeprefix: (text, part) =>
    typeof part === "string" ? (text.startsWith(part) ? text.slice(part.length) : text) : undefined,
  removesuffix: (text, part) =>
    typeof part === "string" ? (part !== "" && text.endsWith(part) ? text.slice(0, -part.length) : text) : undefined,
  isdigit: (text) => /^[\p{Nd}\u00b2\u00b3\u00b9]+$/u.test(text),
  isalpha: (text) => /^\p{L}+$/u.test(text),
  isspace: (text) => text !== "" && trimmed(text) === "",
  splitlines: (text) => lines(text),
  zfill: (text, width) =>
    typeof width === "number"
      ? text.replace(
          /^([+-]?)(.*)$/s,
          (_all, sign: string, rest: string) => sign + rest.padStart(width - sign.length, "0"),
        )
      : undefined,
};

const LINES = /\r\n|[\n\r\v\f\u{85}\u2028\u2029]/u;

function lines(text: string): string[] {
  const parts = text.split(LINES);
  return parts.at(-1) === "" ? parts.slice(0, -1) : parts; // the last line's end begins no other
}

export function capitalized(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

/** Python counts in characters, JavaScript in UTF-16 units. */
function codePointAt(text: string, at: number | undefined): number | undefined {
  return at === undefined || at < 0 ? at : [...text.slice(0, at)].length;
}

/** What Python calls blank: JavaScript's `\s` takes U+FEFF, and leaves U+001C to U+001F and U+0085. */
function isBlank(char: string): boolean {
  const code = char.charCodeAt(0);
  return (code >= 0x1c && code <= 0x1f) || code === 0x85 || (code !== 0xfeff && /\s/u.test(char));
}

export function trimmed(text: string): string {
  return stripped(text, undefined, true, true) ?? text;
}

function stripped(text: string, chars: unknown, left: boolean, right: boolean): string | undefined {
  if (chars !== undefined && chars !== null && typeof chars !== "string") return undefined;
  const set = typeof chars === "string" ? new Set(chars) : undefined;
  const goes = (char: string) => (set ? set.has(char) : isBlank(char));
  const all = [...text];
  let [start, end] = [0, all.length];
  while (left && start < end && goes(all[start] ?? "")) start++;
  while (right && end > start && goes(all[end - 1] ?? "")) end--;
  return all.slice(start, end).join("");
}
