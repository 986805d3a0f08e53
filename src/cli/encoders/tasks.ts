// The tasks of encoders: what the commands say of each, and where its recipe is, which is loaded when it is used.

import { type Command, Option } from "commander";
import { numberAbove, share, wholeNumber } from "../numbers.ts";
import type { AnyRecipe } from "./recipe.ts";

export interface EncoderTask {
  readonly name: "text-classification" | "token-classification" | "question-answering" | "fill-mask" | "embeddings";
  /** What `train` makes, and what `evaluate` measures. */
  readonly trains: string;
  readonly measures: string;
  /** What a file holds. */
  readonly data: string;
  readonly file: string;
  /** A row of such a file, and the folder of the examples. */
  readonly row: string;
  readonly folder: string;
  readonly maxLength: number;
  readonly options: (command: Command) => Command;
  readonly recipe: () => Promise<AnyRecipe>;
}

export const encoderTasks: readonly EncoderTask[] = [
  {
    name: "text-classification",
    folder: "runs/topics",
    row: '{"text": "A fast parser for YAML.", "label": "golang"}',
    trains: "a classifier of texts: classes, several labels at once, or numbers",
    measures: "Accuracy, F1 and a line for each class",
    data: 'JSONL, CSV or Parquet with a "text" and a "label": a class, a list of classes, or a number',
    file: "jsonl",
    maxLength: 256,
    options: (command) =>
      command
        .option("--text-column <name>", "the column of texts", "text")
        .option("--text-pair-column <name>", "a second text that is read with it")
        .option("--label-column <name>", 'the column of labels (default: "label", or "labels")')
        .addOption(
          new Option("--problem-type <kind>", "what labels are, where their kind does not tell").choices([
            "regression",
            "single_label_classification",
            "multi_label_classification",
          ]),
        ),
    recipe: async () => (await import("./text-classification.ts")).recipe,
  },
  {
    name: "token-classification",
    folder: "runs/names",
    row: '{"tokens": ["Ada", "went", "to", "London"], "tags": ["B-PER", "O", "O", "B-LOC"]}',
    trains: "a tagger of words: named entities, parts of speech",
    measures: "Precision, recall and F1 of entities, and a line for each kind",
    data: 'JSONL with "tokens" and "tags", or with a "text" and its "entities" ({ start, end, label }); or a CoNLL file',
    file: "jsonl",
    maxLength: 256,
    options: (command) =>
      command.option("--label-all-tokens", "every piece of a word learns its tag, not only the first"),
    recipe: async () => (await import("./token-classification.ts")).recipe,
  },
  {
    name: "question-answering",
    folder: "runs/reader",
    row: '{"question": "Who went?", "context": "Ada went to London.", "answers": ["Ada"]}',
    trains: "a reader that finds answers in texts",
    measures: "Exact match and F1, as SQuAD has them",
    data: 'SQuAD\'s JSON, or JSONL with "question", "context" and "answers"',
    file: "jsonl",
    maxLength: 384,
    options: (command) =>
      command
        .option("--doc-stride <n>", "tokens that the windows of a long context share", wholeNumber(0))
        .option("--null-answers", "the context may not hold an answer"),
    recipe: async () => (await import("./question-answering.ts")).recipe,
  },
  {
    name: "fill-mask",
    folder: "runs/words",
    row: "A fast parser for YAML.",
    trains: "a masked language model, from scratch or further on other texts",
    measures: "Perplexity, and the share of masked tokens that are found",
    data: 'a text a line, or JSONL with a "text" on each',
    file: "txt",
    maxLength: 128,
    options: (command) =>
      command
        .option("--text-column <name>", "the column of texts", "text")
        .option("--mlm-probability <x>", "share of tokens that are masked", share, 0.15)
        .option("--whole-word-mask", "all tokens of a word are masked, or none")
        .option("--line-by-line", "a row for each text, in place of texts one after another"),
    recipe: async () => (await import("./fill-mask.ts")).recipe,
  },
  {
    name: "embeddings",
    folder: "runs/sentences",
    row: '{"anchor": "YAML parser", "positive": "A fast parser for YAML."}',
    trains: "sentence embeddings, by contrast of pairs; the folder is one of sentence-transformers",
    measures: "How well each anchor finds its positives among all: accuracy at 1, 5, 10, MRR and NDCG",
    data: 'JSONL, CSV or Parquet with an "anchor" and a "positive", and perhaps a "negative"',
    file: "jsonl",
    maxLength: 128,
    options: (command) => command.option("--scale <x>", "similarities are multiplied by it", numberAbove(0), 20),
    recipe: async () => (await import("./embeddings.ts")).recipe,
  },
];
