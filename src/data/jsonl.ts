// Reading JSONL: one JSON object a line, UTF-8, as `jsonl.node.ts` reads it from files and `jsonl.web.ts` fetches it. What is
// wrong is said with the file and the line. A byte order mark, CRLF and blank lines are fine.

import { DataError, type Facts } from "../base/errors.ts";
import { joinBytes } from "./table/bytes.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonlOptions<C extends string> {
  /** What is kept of each row; each must be a string that says something. */
  readonly columns: readonly C[];
}

/** A row with the line it stands on. */
export interface JsonlRow {
  readonly line: number;
  readonly row: JsonObject;
}

/** The columns of all rows. */
export async function pickColumns<C extends string>(
  path: string,
  rows: AsyncIterable<JsonlRow>,
  { columns }: JsonlOptions<C>,
): Promise<Record<C, string>[]> {
  const picked: Record<C, string>[] = [];
  for await (const { line, row } of rows) {
    const kept: Partial<Record<C, string>> = {};
    for (const column of columns) kept[column] = textOf(row, column, path, line);
    picked.push(kept as Record<C, string>); // every column was set on the line above
  }
  return picked;
}

/** Far beyond any text to train on, and well below the longest string of the runtime. */
const maxLineBytes = 2 ** 28;
const newline = 0x0a;

/** The bytes of each line without its newline. They are only valid until the next line is asked for, as blocks are. */
export async function* splitLines(path: string, blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = []; // the beginning of a line whose end has not been read yet
  let pendingBytes = 0;
  let line = 1;
  for await (const block of blocks) {
    let from = 0;
    for (let to = block.indexOf(newline); to !== -1; to = block.indexOf(newline, from)) {
      const rest = block.subarray(from, to);
      yield pending.length === 0 ? rest : joinBytes([...pending, rest], pendingBytes + rest.length);
      pending = [];
      pendingBytes = 0;
      from = to + 1;
      line++;
    }
    pending.push(block.slice(from));
    pendingBytes += block.length - from;
    if (pendingBytes > maxLineBytes) {
      throw wrong(path, line, `longer than ${maxLineBytes} bytes`, "Is it JSONL? It has one row a line.");
    }
  }
  if (pendingBytes > 0) yield joinBytes(pending, pendingBytes);
}

/** The rows of lines without their newlines, one by one. No row at all is an error. */
export async function* parseLines(path: string, lines: AsyncIterable<Uint8Array>): AsyncGenerator<JsonlRow> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 0;
  let rows = 0;
  for await (const bytes of lines) {
    line++;
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      throw wrong(path, line, "not valid UTF-8", encodingHint(bytes));
    }
    if (text.trim() === "") continue;
    rows++;
    yield { line, row: parseRow(text, path, line) };
  }
  if (rows === 0) throw new DataError(`read ${path}: the file holds no rows. Is it the right one?`, { file: path });
}

function parseRow(text: string, path: string, line: number): JsonObject {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    const said = (error as Error).message.replace(/ \(line 1 column \d+\)$/, ""); // the line would be read as the file's
    throw wrong(path, line, `not valid JSON: ${said}. The line is ${excerpt(text)}`, layoutHint(text));
  }
  if (typeof row === "object" && row !== null && !Array.isArray(row)) return row as JsonObject;
  throw wrong(path, line, `wants a JSON object, got ${kindOf(row)}: ${excerpt(text)}`, layoutHint(text));
}

function textOf(row: JsonObject, column: string, path: string, line: number): string {
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  if (typeof value === "string" && value.trim() !== "") return value;
  const facts = { column };
  if (typeof value === "string") {
    throw wrong(path, line, `"${column}" is empty`, "Give it a text, or leave the row out.", facts);
  }
  if (value !== undefined) {
    throw wrong(path, line, `"${column}" is ${kindOf(value)}`, "It must be a string.", facts);
  }
  const keys = Object.keys(row).slice(0, 10);
  const has = keys.length === 0 ? "the object is empty" : `its keys are ${keys.map((key) => `"${key}"`).join(", ")}`;
  throw wrong(
    path,
    line,
    `has no "${column}"; ${has}`,
    "Rename the key, or name the columns that the file has.",
    facts,
  );
}

// Errors, for people.

export function wrong(path: string, line: number, what: string, todo: string, facts: Facts = {}): DataError {
  return new DataError(`read ${path}, line ${line}: ${what}. ${todo}`, { file: path, line, ...facts });
}

function encodingHint(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0x1f && second === 0x8b) return "It is compressed by gzip: unpack it first.";
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return "It is UTF-16: save it as UTF-8.";
  return "Save the file as UTF-8.";
}

function layoutHint(text: string): string {
  const start = text.trimStart();
  if (start.startsWith("[") || start.trimEnd() === "{") {
    return "It looks like ordinary JSON over several lines or in one list; JSONL has one object a line.";
  }
  return "Correct the line, or leave it out.";
}

function excerpt(text: string): string {
  return text.length <= 80 ? text.trim() : `${text.slice(0, 80).trim()}…`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
