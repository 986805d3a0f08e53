// Encoding and loading tokenizer.json beside Rust's `tokenizers` on one thread: rounds of ours and theirs in turn, the same
// batches of paragraphs. Both make whole encodings: ids, offsets, words, masks. Prints MB of UTF-8 a second, the median of
// the rounds, and the ratio; loading is in ms and includes a first short text.
// bench/tokenizer-files.ts fetches and makes such files.
//
//   node bench/tokenizers.ts --python PATH --data FILE.jsonl [--mb 2] [--rounds 5] FILE …

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Tokenizer } from "../src/text/tokenizer.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    data: { type: "string" },
    mb: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    /** Only ours, for a profiler. */
    ours: { type: "boolean", default: false },
  },
});
if (flags.data === undefined) throw new Error("--data FILE.jsonl is missing");

type Timed = { ms: number; tokens: number };

const texts: string[] = [];
let bytes = 0;
for (const line of readFileSync(flags.data, "utf8").split("\n")) {
  if (line === "" || bytes > Number(flags.mb) * 1e6) break;
  for (const value of Object.values(JSON.parse(line) as object)) {
    if (typeof value !== "string" || value.length < 40) continue;
    texts.push(value);
    bytes += Buffer.byteLength(value);
  }
}
const BATCH = 64;
const batches = Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, i) =>
  texts.slice(i * BATCH, (i + 1) * BATCH),
);

function load(file: string): Tokenizer {
  const tokenizer = Tokenizer.fromBytes(readFileSync(file));
  tokenizer.encode("Hello world");
  return tokenizer;
}

function encode(tokenizer: Tokenizer): number {
  let tokens = 0;
  for (const batch of batches) {
    for (const encoding of tokenizer.encodeBatch(batch)) tokens += encoding.offsets.length;
  }
  return tokens;
}

function timed(run: () => number): Timed {
  const start = performance.now();
  const tokens = run();
  return { ms: performance.now() - start, tokens };
}

const scratch = mkdtempSync(join(tmpdir(), "tokenizers-"));
const list = join(scratch, "texts.json");
writeFileSync(list, JSON.stringify(texts));
const peer =
  flags.python === undefined || flags.ours
    ? undefined
    : await startPeer(flags.python, "tokenizers_python.py", ["--texts", list]);

console.log(`Node ${process.version}, ${texts.length} texts, ${(bytes / 1e6).toFixed(1)} MB`);
console.log("                              load ms: ours  theirs  ratio     MB/s: ours  theirs  ratio   tokens");
for (const file of files) {
  const seen: { [what: string]: Timed[] } = { load: [], encode: [], theirLoad: [], theirEncode: [] };
  const tokenizer = load(file);
  for (let round = 0; round < Number(flags.rounds); round++) {
    seen["load"]?.push(timed(() => load(file).vocabSize));
    if (peer !== undefined) seen["theirLoad"]?.push(await peer.ask<Timed>(`load ${file}`));
    // Both keep the tokenizer, and with it the words it has met.
    seen["encode"]?.push(timed(() => encode(tokenizer)));
    if (peer !== undefined) seen["theirEncode"]?.push(await peer.ask<Timed>(`encode ${file}`));
  }
  const ms = (what: string) => median((seen[what] ?? []).map((one) => one.ms));
  const speed = (what: string) => bytes / 1e3 / ms(what);
  const tokens = [seen["encode"], seen["theirEncode"]].map((one) => one?.[0]?.tokens);
  const cell = (value: number) => value.toFixed(value < 100 ? 2 : 0).padStart(8);
  console.log(
    file.split("/").slice(-3).join("/").padEnd(36),
    cell(ms("load")),
    cell(ms("theirLoad")),
    cell(ms("theirLoad") / ms("load")),
    "    ",
    cell(speed("encode")),
    cell(speed("theirEncode")),
    cell(speed("encode") / speed("theirEncode")),
    ` ${tokens.join(" ")}`,
  );
}
peer?.close();
rmSync(scratch, { recursive: true });
