// `kindling tokenizer train`: a tokenizer of one's own files, in the folder that models and Python read.

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { createInterface } from "node:readline";
import { type Command, Option } from "commander";
import { savePretrained } from "#runtime/text/tokenizer";
import { ArgumentError } from "../base/errors.ts";
import { formatOfName } from "../data/sets/readers.ts";
import type { Row } from "../data/sets/rows.ts";
import { type Kind, kinds, type Preset, presets, startTokenizer } from "../text/start-tokenizer.ts";
import { loadDataset } from "../training/load-dataset.ts";
import { share, wholeNumber } from "./numbers.ts";

interface Flags {
  readonly output: string;
  readonly column: string;
  readonly kind?: Kind;
  readonly preset?: Preset;
  readonly vocabSize: number;
  readonly heldOut: number;
}

export function addTokenizer(program: Command): void {
  const tokenizer = program.command("tokenizer").description("Make tokenizers.");
  tokenizer
    .command("train <files...>")
    .description("Learn a tokenizer's vocabulary from text files, or from a column of JSONL, CSV or Parquet files.")
    .requiredOption("--output <folder>", "where tokenizer.json and tokenizer_config.json go")
    .option("--column <name>", "the column that holds the texts; text files need none", "text")
    .addOption(new Option("--kind <kind>", "how words are split (default: bpe)").choices(kinds))
    .addOption(
      new Option("--preset <name>", "kind, normalizer and special tokens of a known model")
        .choices(presets)
        .conflicts("kind"),
    )
    .option("--vocab-size <n>", "tokens in all, the special ones included", wholeNumber(1), 8000)
    .option("--held-out <share>", "the share of texts that is kept to measure on", share, 0.05)
    .addHelpText(
      "after",
      `
Bytes per token are those of the held-out texts: the more, the shorter the inputs of a model.

Examples:
  $ kindling tokenizer train train.jsonl --column text --vocab-size 8000 --output my-tokenizer
  $ kindling tokenizer train *.txt --preset bert --vocab-size 20000 --output my-bert`,
    )
    .action(train);
}

async function train(files: readonly string[], flags: Flags): Promise<void> {
  const { vocabSize, heldOut: part } = flags;
  const start = startTokenizer(flags.preset ?? flags.kind ?? "bpe", { vocabSize, progress });
  const heldOut: string[] = [];
  const every = part === 0 ? Number.POSITIVE_INFINITY : Math.max(2, Math.round(1 / part));
  let count = 0;
  async function* learned(): AsyncGenerator<string> {
    for (const file of files) {
      for await (const text of textsOf(file, flags.column)) {
        if (++count % every === 0) heldOut.push(text);
        else yield text;
      }
    }
  }
  const tokenizer = await start.train(learned());
  if (process.stderr.isTTY) process.stderr.write("\n");
  await savePretrained(tokenizer, flags.output);
  const { backend } = tokenizer;
  console.log(`${flags.output}: ${tokenizer.vocabSize} tokens from ${count - heldOut.length} texts`);
  if (heldOut.length > 0) {
    const bytes = heldOut.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const tokens = heldOut.reduce((sum, text) => sum + tokenizer.tokenize(text).length, 0);
    console.log(`${(bytes / Math.max(1, tokens)).toFixed(2)} bytes per token in ${heldOut.length} held-out texts`);
  }
  const all = Array.from({ length: tokenizer.vocabSize }, (_, id) => backend.idToToken(id) ?? "");
  const special = new Set(tokenizer.allSpecialTokens);
  const longest = all.filter((token) => !special.has(token)).sort((a, b) => b.length - a.length);
  console.log(`longest: ${longest.slice(0, 10).join("  ")}`);
}

/** The line is written anew each time; where it cannot be, nothing is. */
function progress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\rtraining ${done} of ${total}`);
}

async function* textsOf(file: string, column: string): AsyncGenerator<string> {
  await access(file).catch((cause: unknown) => {
    throw new ArgumentError(`tokenizer train: there is no file ${file}.`, { file }, { cause });
  });
  const format = formatOfName(file);
  if (format === undefined || format === "text") {
    yield* linesOf(file);
    return;
  }
  const rows = await loadDataset<Row>(format, { dataFiles: file, split: "train" });
  if (!rows.columnNames.includes(column)) {
    throw new ArgumentError(
      `tokenizer train: ${file} has no column "${column}"; it has ${rows.columnNames.join(", ")}. Name one with --column.`,
      { file, column },
    );
  }
  for (const row of rows) {
    const text = row[column];
    if (typeof text === "string") yield text;
    else if (text !== null) {
      throw new ArgumentError(
        `tokenizer train: column "${column}" of ${file} holds no texts. Name another with --column.`,
        {
          file,
          column,
        },
      );
    }
  }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, "utf8");
  await once(stream, "open");
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line !== "") yield line;
}
