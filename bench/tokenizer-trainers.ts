// Training tokenizers beside Python's `tokenizers`: rounds of ours, theirs on one thread and theirs on all its threads in turn,
// on the same texts, and how many tokens each then makes of held-out texts. With --runs the runs are added to those of a file, and the
// medians are of them all, so that a long measurement can be taken in turns. The peaks are those of the whole processes, texts included:
// of one kind with --only.
//
//   node bench/tokenizer-trainers.ts --python PATH --data FILE.jsonl --held-out FILE.jsonl [--vocab 8000] [--rounds 3] [--only bpe,unigram]
//        [--runs FILE.json]

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Bpe } from "../src/text/bpe.ts";
import { byteAlphabet } from "../src/text/byte-level.ts";
import { Tokenizer, type TokenizerParts } from "../src/text/tokenizer.ts";
import { BpeTrainer } from "../src/text/train-bpe.ts";
import { UnigramTrainer } from "../src/text/train-unigram.ts";
import { WordLevelTrainer } from "../src/text/train-word-level.ts";
import { WordPieceTrainer } from "../src/text/train-word-piece.ts";
import type { TokenizerTrainer } from "../src/text/trainer.ts";
import { Unigram } from "../src/text/unigram.ts";
import { WordLevel } from "../src/text/word-level.ts";
import { WordPiece } from "../src/text/word-piece.ts";
import { median, startPeer } from "./peer.ts";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string", default: "python" },
    data: { type: "string", default: "examples/data/summarization.train.jsonl" },
    "held-out": { type: "string", default: "examples/data/summarization.test.jsonl" },
    vocab: { type: "string", default: "8000" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "bpe,wordpiece,unigram,wordlevel" },
    runs: { type: "string" },
  },
});

const textsOf = (file: string): string[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly text: string }).text);
const [texts, heldOut] = [textsOf(flags.data), textsOf(flags["held-out"])];
const vocabSize = Number(flags.vocab);

const kinds: { readonly [kind: string]: () => { readonly parts: TokenizerParts; readonly trainer: TokenizerTrainer } } =
  {
    bpe: () => ({
      parts: { model: new Bpe(new Map(), []), preTokenizer: { type: "ByteLevel", add_prefix_space: false } },
      trainer: new BpeTrainer({ vocabSize, initialAlphabet: byteAlphabet }),
    }),
    wordpiece: () => ({
      parts: {
        model: new WordPiece(new Map()),
        normalizer: { type: "BertNormalizer" },
        preTokenizer: { type: "BertPreTokenizer" },
      },
      trainer: new WordPieceTrainer({ vocabSize, specialTokens: ["[UNK]"] }),
    }),
    unigram: () => ({
      parts: {
        model: new Unigram([]),
        normalizer: { type: "NFKC" },
        preTokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
      },
      trainer: new UnigramTrainer({ vocabSize, unkToken: "<unk>" }),
    }),
    wordlevel: () => ({
      parts: { model: new WordLevel(new Map()), preTokenizer: { type: "Whitespace" } },
      trainer: new WordLevelTrainer({ vocabSize, specialTokens: ["<unk>"] }),
    }),
  };

interface Timed {
  readonly ms: number;
  readonly tokens: number;
  /** The most memory so far, in MiB. */
  readonly peak: number;
}

type Run = readonly [ours: Timed, single: Timed, parallel: Timed];

function ours(kind: string): Timed {
  const made = kinds[kind];
  if (made === undefined) throw new Error(`--only: there is no ${kind}`);
  const { parts, trainer } = made();
  const tokenizer = new Tokenizer(parts);
  const start = performance.now();
  tokenizer.trainFromIterator(texts, trainer);
  const ms = performance.now() - start;
  const peak = process.resourceUsage().maxRSS / 1024;
  return { ms, tokens: heldOut.reduce((sum, text) => sum + tokenizer.encode(text).ids.length, 0), peak };
}

const args = ["--data", flags.data, "--held-out", flags["held-out"]];
process.env["RAYON_NUM_THREADS"] = "1";
const single = await startPeer(flags.python, "tokenizer_trainers_python.py", args);
delete process.env["RAYON_NUM_THREADS"];
const parallel = await startPeer(flags.python, "tokenizer_trainers_python.py", args);

/** The runs of earlier turns, by kind and vocabulary. */
const known: { [name: string]: Run[] } =
  flags.runs !== undefined && existsSync(flags.runs) ? JSON.parse(readFileSync(flags.runs, "utf8")) : {};

console.log(`Node ${process.version}, ${texts.length} texts, vocabulary of ${vocabSize}; seconds are medians`);
console.log(
  "kind       runs  ours s  one thread s  all threads s   speed: of one  of all   tokens: ours  Python's  ratio   MiB: ours  Python's",
);
for (const kind of flags.only.split(",")) {
  const name = `${kind} ${vocabSize}`;
  const runs = (known[name] ??= []);
  for (let round = 0; round < Number(flags.rounds); round++)
    runs.push([ours(kind), await single.ask<Timed>(`train ${name}`), await parallel.ask<Timed>(`train ${name}`)]);
  if (flags.runs !== undefined) writeFileSync(flags.runs, JSON.stringify(known));
  const of = (who: 0 | 1 | 2, what: keyof Timed): number => median(runs.map((run) => run[who][what]));
  const [mine, one, all] = [of(0, "ms"), of(1, "ms"), of(2, "ms")];
  const cells = [mine / 1e3, one / 1e3, all / 1e3, one / mine, all / mine].map((value) =>
    value.toFixed(2).padStart(11),
  );
  const [tokens, theirs] = [of(0, "tokens"), of(1, "tokens")];
  console.log(
    `${kind.padEnd(10)}${String(runs.length).padStart(5)}${cells.join("")}${String(tokens).padStart(12)}${String(theirs).padStart(10)}  ` +
      `${(tokens / theirs).toFixed(4)}${of(0, "peak").toFixed(0).padStart(8)}${of(1, "peak").toFixed(0).padStart(8)}`,
  );
}
single.close();
parallel.close();
