// The options of `kindling train` and `kindling evaluate` for the tasks of encoders.

import { type Command, Option } from "commander";
import { numberAbove, share, wholeNumber } from "../numbers.ts";
import { addLengthOptions, addRepeatOptions } from "../run-arguments.ts";
import type { EncoderTask } from "./tasks.ts";

export function addTrainEncoder(train: Command, task: EncoderTask): void {
  const { name, file, row, folder } = task;
  const command = train
    .command(name)
    .description(`Train ${task.trains}.`)
    .requiredOption("--train <file>", task.data)
    .requiredOption("--validation <file>", "a file of the same form, to watch progress on")
    .requiredOption("--output <folder>", "where the model, its checkpoints and the log go")
    .option(
      "--model <name>",
      "a folder or a name on the hub to begin from; without it a new BERT with a tokenizer of the rows' own words",
    )
    .option("--hidden-size <n>", "width of a new model", wholeNumber(2), 128)
    .option("--layers <n>", "layers of a new model", wholeNumber(1), 2)
    .option("--heads <n>", "attention heads of a new model (default: of 64 numbers each, or fewer)", wholeNumber(1))
    .option("--vocab-size <n>", "tokens of a new tokenizer", wholeNumber(1), 8000)
    .option(
      "--lora <r>",
      "train a LoRA adapter of this rank on the model, and nothing else but the head",
      wholeNumber(1),
    )
    .option("--lora-alpha <x>", "the adapter's scale is this by its rank (default: twice the rank)", numberAbove(0))
    .option("--lora-dropout <x>", "dropout before the adapter", share, 0)
    .option(
      "--lora-targets <names>",
      'modules with an adapter, by comma, or "all-linear" (default: as PEFT has it for the model)',
    )
    .option("--ignore-mismatched-sizes", "draw a new head where the model's is for other labels");
  task.options(command);
  addRunOptions(command, task)
    .addHelpText(
      "after",
      `
A row:
  ${row}

Ctrl-C saves a checkpoint and ends; --resume goes on from there.

Examples:
  $ kindling train ${name} --train train.${file} --validation validation.${file} --output ${folder}
  $ kindling train ${name} --train train.${file} --validation validation.${file} --output ${folder} \\
      --model google-bert/bert-base-uncased${name === "fill-mask" ? " --max-length 256" : " --lora 8"}`,
    )
    .action(async (flags) => (await import("./train.ts")).trainEncoder(task, flags));
}

function addRunOptions(command: Command, task: EncoderTask): Command {
  addLengthOptions(command)
    .option("--batch-size <n>", "rows a step", wholeNumber(1), 16)
    .option(
      "--learning-rate <x>",
      "the peak of the schedule (default: 5e-5; new models 5e-4, adapters 2e-4)",
      numberAbove(0),
    )
    .option("--max-length <n>", "tokens of a row; longer ones are cut", wholeNumber(3), task.maxLength)
    .option("--weight-decay <x>", "of all but biases and norms", share, 0.01)
    .option("--warmup <x>", "share of the steps in which the rate rises", share, 0.1)
    .option("--gradient-accumulation <n>", "batches a step", wholeNumber(1), 1)
    .option("--gradient-checkpointing", "less memory for about a third more time")
    .option("--label-smoothing <x>", "share of the target spread over all classes", share, 0)
    .option("--early-stopping <n>", "end after so many evaluations without a better one", wholeNumber(1))
    .option("--log-steps <n>", "steps between points of the loss curve", wholeNumber(1), 10)
    .option(
      "--eval-steps <n>",
      "steps between evaluations, each with a checkpoint (default: once an epoch)",
      wholeNumber(1),
    )
    .addOption(new Option("--report-to <place>", "event files beside the log").choices(["tensorboard"]));
  return addRepeatOptions(command);
}

export function addEvaluateEncoder(evaluate: Command, task: EncoderTask): void {
  const { name, file, folder } = task;
  const command = evaluate
    .command(name)
    .description(`${task.measures}, of a model on a file.`)
    .requiredOption("--model <name>", "a folder or a name on the hub, of a model or an adapter")
    .requiredOption("--data <file>", task.data)
    .option("--rows <n>", "only the first rows", wholeNumber(1));
  task
    .options(command)
    .option("--batch-size <n>", "rows that the model reads together", wholeNumber(1), 16)
    .option("--max-length <n>", "tokens of a row; longer ones are cut", wholeNumber(3), task.maxLength)
    .option("--json", "print the figures as JSON")
    .addHelpText("after", `\nExample:\n  $ kindling evaluate ${name} --model ${folder} --data test.${file} --json`)
    .action(async (flags) => (await import("./evaluate.ts")).evaluateEncoder(task, flags));
}
