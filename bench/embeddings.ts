// Descriptions as vectors, beside sentence-transformers: both load the same folder (MiniLM's shape with random weights, a WordPiece
// vocabulary made of the texts) and embed the same texts, tokenization included, in turn, some hundreds at a time, on two threads.
// Prints texts a second, and how many times as fast we are: the median over the turns, with its quartiles.
//
//   npm run bench -- embeddings --data FILE.jsonl [--python PATH] [--texts 10000] [--turn 500] [--batch 32] [--quick]
//
// FILE has lines of {"text"}. --ours measures our side alone, with where its time goes.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { profile, readJsonl, SentenceTransformer } from "kindling";
import { type Peer, startPeer } from "./peer.ts";
import { commit, findPython, machine } from "./suite/environment.ts";
import { speed, spread } from "./suite/measure.ts";
import { Quiet } from "./suite/quiet.ts";

const { values: flags } = parseArgs({
  options: {
    data: { type: "string" },
    python: { type: "string" },
    texts: { type: "string", default: "10000" },
    turn: { type: "string", default: "500" },
    batch: { type: "string", default: "32" },
    quick: { type: "boolean", default: false }, // to see that it works
    ours: { type: "boolean", default: false },
  },
});
if (flags.data === undefined) throw new Error("--data FILE.jsonl is missing");
const [count, turn] = flags.quick ? [600, 150] : [Number(flags.texts), Number(flags.turn)];
const batchSize = Number(flags.batch);
const texts = (await readJsonl(flags.data, { columns: ["text"] })).slice(0, count).map(({ text }) => text);

const python = findPython(flags.python);
const folder = mkdtempSync(join(tmpdir(), "embeddings-"));
writeFileSync(join(folder, "texts.json"), JSON.stringify(texts));
const peer = await startPeer(python.path, "embeddings_python.py", [folder]);
const model = await SentenceTransformer.fromPretrained(join(folder, "model"));
try {
  console.log(`${machine()}, commit ${commit()}, ${texts.length} texts, batches of ${batchSize}`);
  await checkAlike(peer);
  if (flags.ours) await showProfile();
  else await compare(peer);
} finally {
  peer.close();
  rmSync(folder, { recursive: true });
}

/** Throws unless both give the same vectors. */
async function checkAlike(other: Peer): Promise<void> {
  const ours = (await model.encode(texts.slice(0, 20))).tolist() as number[][]; // [20, D]
  const { vectors } = await other.ask<{ vectors: number[][] }>("vectors 0 20");
  const off = Math.max(...ours.flatMap((row, i) => row.map((x, d) => Math.abs(x - vectors[i]![d]!))));
  if (!(off < 1e-4)) throw new Error(`the vectors differ by ${off}`);
  console.log(`the vectors are the same to ${off.toExponential(1)}`);
}

/** Milliseconds to embed `turn` texts from a place on. */
async function embed(from: number): Promise<number> {
  const start = performance.now();
  (await model.encode(texts.slice(from, from + turn), { batchSize })).dispose();
  return performance.now() - start;
}

async function compare(other: Peer): Promise<void> {
  const sides = [
    embed,
    async (from: number) => (await other.ask<{ ms: number }>(`encode ${from} ${turn} ${batchSize}`)).ms,
  ];
  for (const side of sides) await side(0);
  const ms: [number[], number[]] = [[], []];
  let disturbed = 0;
  for (let from = 0, round = 0; from + turn <= texts.length; from += turn, round++) {
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const quiet = new Quiet(process.pid);
      ms[i]!.push(await sides[i]!(from)); // 0 or 1
      if (i === 0) disturbed = Math.max(disturbed, quiet.othersShare() ?? 0);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${from + turn} of ${texts.length} texts`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const rate = (all: readonly number[]): string =>
    ((1000 * turn * all.length) / all.reduce((sum, each) => sum + each, 0)).toFixed(0);
  const { q1, median, q3 } = speed(ms[0], ms[1]);
  console.log(`\n| | texts a second | ms for ${turn}, median |\n| --- | --- | --- |`);
  ["Kindling", "sentence-transformers"].forEach((name, i) => {
    console.log(`| ${name} | ${rate(ms[i]!)} | ${spread(ms[i]!).median.toFixed(0)} |`); // 0 or 1
  });
  console.log(
    `\n${median.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)}) times sentence-transformers, of 1.20 that is wanted; ` +
      `others took up to ${(100 * disturbed).toFixed(0)} % of the processors in our turns`,
  );
}

async function showProfile(): Promise<void> {
  await embed(0);
  const start = performance.now();
  const tokenize = texts.map(
    (text) => model.tokenizer.backend.encode(text, { padding: null, truncation: null }).length,
  );
  const tokenizing = performance.now() - start;
  const tokens = tokenize.reduce((sum, each) => sum + each, 0);
  console.log(`tokenizing alone: ${tokenizing.toFixed(0)} ms for ${tokens} tokens; longest ${Math.max(...tokenize)}`);
  const recorded = await profile(async () => {
    for (let from = 0; from + turn <= texts.length; from += turn) await embed(from);
  });
  console.log(recorded.table());
}
