// The README.md of a model's folder: what Hugging Face's hub and people read first. The YAML head is the hub's.
// https://huggingface.co/docs/hub/model-cards

import { snakeCase } from "../base/spelling.ts";
import type { CheckedArguments } from "./arguments.ts";
import { type LogEntry, plainName, shortNumber, type TrainerState, timing } from "./state.ts";

export interface ModelCard {
  /** The hub's name of the task, as `pipeline()` takes it: "summarization". */
  readonly pipelineTag?: string;
  readonly language?: string;
  readonly license?: string;
  readonly datasets?: readonly string[];
  readonly tags?: readonly string[];
  /** A paragraph on what the model is for. */
  readonly description?: string;
}

/** By this line a card is known as ours, which a later run may replace. */
export const cardMark =
  "<!-- written by kindling's Trainer; a later run replaces this file unless this line is gone -->";

export interface CardFacts {
  readonly folder: string;
  readonly modelName: string;
  readonly parameters: number;
  readonly args: CheckedArguments;
  readonly state: TrainerState;
  readonly card: ModelCard;
}

export function formatCard({ folder, modelName, parameters, args, state, card }: CardFacts): string {
  const name = folder.split(/[\\/]/).findLast((part) => part !== "") ?? folder;
  const evaluations = state.logHistory.filter((entry) => Object.hasOwn(entry, "evalLoss"));
  const metrics = metricNames(evaluations);
  const shown =
    evaluations.find((entry) => entry.step === state.bestGlobalStep && args.loadBestModelAtEnd) ?? evaluations.at(-1);
  return [
    "---",
    ...yaml({
      library_name: "kindling",
      pipeline_tag: card.pipelineTag,
      language: card.language,
      license: card.license,
      datasets: card.datasets,
      tags: ["generated_from_trainer", ...(card.tags ?? [])],
      metrics: metrics.filter((metric) => metric !== "evalLoss").map(plainName),
    }),
    "---",
    "",
    cardMark,
    "",
    `# ${name}`,
    "",
    ...(card.description === undefined ? [] : [card.description, ""]),
    `A ${modelName} of ${parameters.toLocaleString("en-US")} parameters, trained with Kindling.`,
    "",
    ...(shown === undefined
      ? []
      : [
          "It achieves on the evaluation set:",
          "",
          ...metrics.map((m) => `- ${plainName(m)}: ${shortNumber(shown[m])}`),
          "",
        ]),
    ...(card.pipelineTag === undefined ? [] : usage(card.pipelineTag, folder)),
    "## Training",
    "",
    "The following arguments were used:",
    "",
    ...hyperparameters(args),
    "",
    ...table(state.logHistory, evaluations, metrics),
  ].join("\n");
}

function usage(task: string, folder: string): string[] {
  const code =
    task === "sentence-similarity"
      ? [
          'import { SentenceTransformer } from "kindling";',
          `const model = await SentenceTransformer.fromPretrained("${folder}");`,
          'console.log(await model.encode(["…"]));',
        ]
      : [
          'import { pipeline } from "kindling";',
          `const run = await pipeline("${task}", "${folder}");`,
          `console.log(await run(${task === "question-answering" ? '{ question: "…", context: "…" }' : '"…"'}));`,
        ];
  return ["## Use", "", "```ts", ...code, "```", ""];
}

/** Keys with a value; lists that are not empty. */
function yaml(fields: Readonly<Record<string, string | readonly string[] | undefined>>): string[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined || value.length === 0) return [];
    return typeof value === "string"
      ? [`${key}: ${scalar(value)}`]
      : [`${key}:`, ...value.map((item) => `- ${scalar(item)}`)];
  });
}

/** JSON's strings are YAML's; plain words need no quotes. */
function scalar(value: string): string {
  return /^[A-Za-z][\w./-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value);
}

/** The loss first, then what `computeMetrics` returned. */
function metricNames(evaluations: readonly LogEntry[]): string[] {
  const names = new Set(evaluations.flatMap((entry) => Object.keys(entry)));
  return [...names].filter((name) => name.startsWith("eval") && !timing.test(name));
}

const told = [
  "learningRate",
  "perDeviceTrainBatchSize",
  "gradientAccumulationSteps",
  "seed",
  "adamBeta1",
  "adamBeta2",
  "adamEpsilon",
  "weightDecay",
  "maxGradNorm",
  "lrSchedulerType",
  "warmupSteps",
  "labelSmoothingFactor",
  "maxSteps",
  "numTrainEpochs",
  "maxMinutes",
] as const satisfies readonly (keyof CheckedArguments)[];

function hyperparameters(args: CheckedArguments): string[] {
  const shown = told.filter((name) => {
    if (name === "numTrainEpochs") return args.maxSteps === -1 && Number.isFinite(args.numTrainEpochs);
    return args[name] !== undefined && args[name] !== -1;
  });
  return shown.map((name) => `- ${snakeCase(name)}: ${args[name]}`);
}

/** One row for each evaluation, with the last training loss before it. */
function table(history: readonly LogEntry[], evaluations: readonly LogEntry[], metrics: readonly string[]): string[] {
  if (evaluations.length === 0) return [];
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const heads = [
    "training loss",
    "epoch",
    "step",
    ...metrics.map((m) => (m === "evalLoss" ? "evaluation loss" : plainName(m))),
  ];
  const rows = evaluations.map((entry) => {
    const before = history.filter((other) => other.step <= entry.step && Object.hasOwn(other, "loss")).at(-1);
    return row([
      shortNumber(before?.["loss"]),
      shortNumber(entry.epoch),
      String(entry.step),
      ...metrics.map((m) => shortNumber(entry[m])),
    ]);
  });
  return [row(heads), row(heads.map(() => "---")), ...rows, ""];
}
