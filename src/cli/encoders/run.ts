// The options of `kindling run` for the tasks of encoders.

import { type Command, Option } from "commander";
import { wholeNumber } from "../numbers.ts";

const lines = 'a file with one text a line, or .jsonl with a "text" on each';

export function addRunEncoders(run: Command): void {
  withModel(
    run,
    "text-classification",
    "Classify texts: arguments, the lines of a file, or standard input as one text.",
  )
    .argument("[text...]", "texts")
    .option("--file <file>", lines)
    .option("--top-k <n>", "classes for each text, best first", wholeNumber(1), 1)
    .addHelpText("after", `\nExample:\n  $ kindling run text-classification --model runs/topics --top-k 3 "a text …"`)
    .action(async (texts, flags) => (await import("./run-tasks.ts")).classify(texts, flags));
  withModel(
    run,
    "token-classification",
    "Find names in texts, or tag words: in a terminal they are shown in their texts, in colour.",
  )
    .argument("[text...]", "texts")
    .option("--file <file>", lines)
    .addOption(
      new Option("--aggregation <how>", "how pieces become entities")
        .choices(["none", "simple", "first", "average", "max"])
        .default("first"), // a word is what its first piece is, as training has it
    )
    .option("--stride <n>", "read long texts in windows that share so many tokens", wholeNumber(0))
    .addHelpText(
      "after",
      `\nExample:\n  $ kindling run token-classification --model runs/names "Ada met Charles in London."`,
    )
    .action(async (texts, flags) => (await import("./run-tasks.ts")).tag(texts, flags));
  withModel(run, "question-answering", "Find the answer to a question in a text.")
    .option("--question <text>", "the question")
    .option("--context <text>", "the text; without it, standard input")
    .option("--file <file>", 'JSONL with "question" and "context" on each line')
    .option("--top-k <n>", "answers for each question, best first", wholeNumber(1), 1)
    .option("--null-answers", 'the text may not say; then the answer is ""')
    .addHelpText(
      "after",
      `\nExample:\n  $ kindling run question-answering --model runs/reader --question "Who?" --context "Ada did."`,
    )
    .action(async (flags) => (await import("./run-tasks.ts")).answer(flags));
  withModel(run, "fill-mask", "Fill in masked words.")
    .argument("[text...]", "texts with the model's mask token in them")
    .option("--file <file>", lines)
    .option("--top-k <n>", "words for each mask, best first", wholeNumber(1), 5)
    .addHelpText(
      "after",
      `\nExample:\n  $ kindling run fill-mask --model google-bert/bert-base-uncased "Paris is in [MASK]."`,
    )
    .action(async (texts, flags) => (await import("./run-tasks.ts")).fill(texts, flags));
  withModel(run, "embeddings", "Vectors of texts, or the texts of a file that are closest to a query.")
    .argument("[text...]", "texts")
    .option("--file <file>", lines)
    .option("--output <file>", "write the vectors there: .npy for NumPy, or .jsonl")
    .option("--search <query>", "print the closest texts of --corpus")
    .option("--corpus <file>", `where to search: ${lines}`)
    .option("--top-k <n>", "how many are printed", wholeNumber(1), 5)
    .option("--prompt-name <name>", "one of the model's prompts, put before each text")
    .addHelpText(
      "after",
      `
Examples:
  $ kindling run embeddings --model runs/sentences --search "fast parser" --corpus texts.txt
  $ kindling run embeddings --model runs/sentences --file texts.txt --output vectors.npy`,
    )
    .action(async (texts, flags) => (await import("./run-embeddings.ts")).embed(texts, flags));
}

function withModel(run: Command, name: string, description: string): Command {
  return run
    .command(name)
    .description(description)
    .requiredOption("--model <name>", "a folder or a name on the hub, of a model or an adapter")
    .option("--batch-size <n>", "texts that the model reads together", wholeNumber(1), 16)
    .option("--json", "print the results as JSON");
}
