// Training and encoding byte-level BPE beside Python's `tokenizers`: rounds of ours and theirs in turn, on the same texts.
// Prints MB of UTF-8 a second, medians and bests.
//
//   node bench/tokenizer.ts [--python PATH] [--data FILE.jsonl] [--vocab 8000] [--rounds 5]

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { trainBpe } from "../src/text/train-bpe.ts";
import { startPeer } from "./peer.ts";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    data: {
      type: "string",
      default: fileURLToPath(new URL("../examples/data/summarization.train.jsonl", import.meta.url)),
    },
    vocab: { type: "string", default: "8000" },
    rounds: { type: "string", default: "5" },
  },
});

interface Timed {
  readonly ms: number;
  readonly tokens: number;
}

const texts = readFileSync(flags.data, "utf8")
  .trim()
  .split("\n")
  .map((line) => (JSON.parse(line) as { readonly text: string }).text);
const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

let tokenizer = trainBpe(texts, { vocabSize: Number(flags.vocab) });
const ours: { readonly [task: string]: () => number } = {
  [`train ${flags.vocab}`]: () => {
    tokenizer = trainBpe(texts, { vocabSize: Number(flags.vocab) });
    return tokenizer.vocabSize;
  },
  one: () => texts.reduce((sum, text) => sum + tokenizer.encode(text).ids.length, 0),
};
/** What Python is asked in each task's turn; its `batch` runs on all its threads. */
const theirs: { readonly [task: string]: readonly string[] } = {
  [`train ${flags.vocab}`]: [`train ${flags.vocab}`],
  one: ["one", "batch"],
};

function measured(run: () => number): Timed {
  const start = performance.now();
  const tokens = run();
  return { ms: performance.now() - start, tokens };
}

const peer =
  flags.python === undefined ? undefined : await startPeer(flags.python, "tokenizer_python.py", ["--data", flags.data]);
const seen = new Map<string, Timed[]>();
const note = (who: string, timed: Timed): void => void seen.set(who, [...(seen.get(who) ?? []), timed]);
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const [task, run] of Object.entries(ours)) {
    note(`ours, ${task}`, measured(run));
    for (const asked of theirs[task] ?? [])
      if (peer !== undefined) note(`Python, ${asked}`, await peer.ask<Timed>(asked));
  }
}
peer?.close();

console.log(`Node ${process.version}, ${texts.length} texts, ${(bytes / 1e6).toFixed(1)} MB`);
console.log("                        MB/s, median (best)     tokens");
for (const [who, runs] of seen) {
  const ms = runs.map((run) => run.ms).toSorted((a, b) => a - b);
  const [usual, best] = [ms[ms.length >> 1], ms[0]].map((each) => (bytes / 1e3 / (each ?? Number.NaN)).toFixed(2));
  console.log(`${who.padEnd(24)} ${`${usual} (${best})`.padStart(16)} ${String(runs[0]?.tokens).padStart(12)}`);
}
