// Torn tokenizer files: whatever is changed in one, it is read or refused with the place, and what it encodes has sound
// offsets. The mutations are drawn from a fixed seed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { KindlingError } from "../base/errors.ts";
import { DecodeStream } from "./decode-stream.ts";
import { Tokenizer } from "./tokenizer.ts";

type Component = { name: string; tokenizer: object; cases: { text: string }[] };
const fixture = new URL("../../test/fixtures/text/tokenizers.json.gz", import.meta.url);
const components = JSON.parse(gunzipSync(readFileSync(fixture)).toString("utf8")) as Component[];

let state = 17;
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T; // none is empty

const strange = [
  null,
  true,
  -1,
  0,
  1.5,
  1e12,
  "",
  "x",
  "[",
  "(?<a",
  [],
  {},
  [[]],
  "\ud800",
  { type: "Sequence" },
  "BPE",
];

/** A copy with one value somewhere inside changed, doubled or taken away; long lists are changed at a few places only. */
function mutated(value: unknown, depth = 0): unknown {
  if (depth > 0 && (random() < 0.15 || typeof value !== "object" || value === null)) return pick(strange);
  if (Array.isArray(value)) {
    if (value.length === 0) return [pick(strange)];
    const at = Math.floor(random() * value.length);
    if (random() < 0.1) return value.toSpliced(at, 1);
    return value.with(at, mutated(value[at], depth + 1));
  }
  const object = value as { [key: string]: unknown };
  const key = pick(Object.keys(object).length === 0 ? ["type"] : Object.keys(object));
  if (random() < 0.1) return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
  return { ...object, [key]: mutated(object[key], depth + 1) };
}

function tryAll(make: () => Tokenizer, texts: readonly string[], what: string): void {
  try {
    const tokenizer = make();
    for (const text of texts) {
      const encoding = tokenizer.encode(text);
      for (const [start, end] of encoding.offsets) {
        assert.ok(start >= 0 && start <= end && end <= text.length, `${what}: ${start} to ${end} of ${text.length}`);
      }
      tokenizer.decode(encoding.ids);
      assert.deepEqual(Tokenizer.fromJson(tokenizer.toJson()).encode(text).ids, encoding.ids, what);
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw new Error(`${what}: ${String(error)}`, { cause: error });
  }
}

test("a file with a changed value is read, or refused with its place", () => {
  const small = components.filter(({ tokenizer }) => JSON.stringify(tokenizer).length < 60_000);
  for (let i = 0; i < 1500; i++) {
    const { tokenizer, cases } = pick(small);
    const json = mutated(tokenizer);
    tryAll(() => Tokenizer.fromJson(json), [pick(cases).text, "plain words 12"], `${i}`);
  }
});

test("a torn file is refused as no JSON", () => {
  for (const { tokenizer } of components.filter((_, i) => i % 6 === 0)) {
    const bytes = new TextEncoder().encode(JSON.stringify(tokenizer));
    for (let i = 0; i < 5; i++) {
      const end = Math.floor(random() * bytes.length);
      assert.throws(() => Tokenizer.fromBytes(bytes.subarray(0, end)), /tokenizer.json: it is no JSON/);
    }
  }
});

test("changed bytes are read as JSON.parse reads them", () => {
  const bpe = components.find(({ name }) => name === "Roberta, trim True");
  assert.ok(bpe);
  const bytes = new TextEncoder().encode(JSON.stringify(bpe.tokenizer));
  for (let i = 0; i < 200; i++) {
    const changed = bytes.slice();
    changed[Math.floor(random() * bytes.length)] = pick([34, 92, 44, 58, 91, 123, 125, 48, 32, 0, 255, 97]);
    const said = (make: () => Tokenizer) => {
      try {
        const tokenizer = make();
        return JSON.stringify([tokenizer.toJson(), tokenizer.encode("a new text, 12").ids]);
      } catch (error) {
        return error instanceof KindlingError ? "refused" : String(error);
      }
    };
    const parsed = said(() => {
      try {
        return Tokenizer.fromJson(JSON.parse(new TextDecoder().decode(changed)));
      } catch (error) {
        if (error instanceof SyntaxError) throw new KindlingError("no JSON");
        throw error;
      }
    });
    assert.equal(
      said(() => Tokenizer.fromBytes(changed)),
      parsed,
      `${i}`,
    );
  }
});

test("a file nested without end is refused", () => {
  const nested = `${'{"type":"Sequence","normalizers":['.repeat(20_000)}${"]}".repeat(20_000)}`;
  const file = `{"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"},"normalizer":${nested}}`;
  assert.throws(() => Tokenizer.fromBytes(new TextEncoder().encode(file)), KindlingError);
});

test("text that comes id by id is the text of all ids", () => {
  for (const name of ["Roberta, trim True", "Unigram nmt_nfkc", "BPE with byte fallback", "WordPiece"]) {
    const found = components.find((one) => one.name === name);
    assert.ok(found);
    const tokenizer = Tokenizer.fromJson(found.tokenizer);
    for (const { text } of found.cases) {
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
      const stream = new DecodeStream(tokenizer);
      const pieces = ids.map((id) => stream.push(id));
      assert.equal(pieces.join("") + stream.end(), tokenizer.decode(ids), `${name}: ${text}`);
    }
  }
});
