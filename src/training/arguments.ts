// What a training run can be told, with Hugging Face's words and defaults. Everything is checked before anything is made.

import { ArgumentError } from "../base/errors.ts";
import { camelCase } from "../base/spelling.ts";
import { type ScheduleOptions, type SchedulerName, schedules } from "../optim/schedules.ts";

export type EvalStrategy = "no" | "steps" | "epoch";
export type OptimizerName = "adamw" | "adam" | "adafactor" | "sgd" | "adagrad" | "rmsprop";
export type SaveStrategy = EvalStrategy | "best";

export interface TrainingArguments {
  /** Where the log, the checkpoints and the model go. Without it nothing is written. */
  readonly outputDir?: string;
  /** Begin anew in a folder that holds checkpoints or a model; the checkpoints are deleted. */
  readonly overwriteOutputDir?: boolean;

  /** Passes over the data; a part of one is fine. Default 3, or without end if `maxMinutes` is given. */
  readonly numTrainEpochs?: number;
  /** Steps of the optimizer in all; goes before `numTrainEpochs`. −1: as many as the epochs have. */
  readonly maxSteps?: number;
  /**
   * Ends the run after so many minutes of training and evaluation, those before a resume included. If nothing else bounds
   * the run, the learning rate follows the clock: half way in time it is where it is half way in steps otherwise. Such a run
   * depends on the machine's speed, and so does a resumed one.
   */
  readonly maxMinutes?: number;
  readonly perDeviceTrainBatchSize?: number;
  readonly perDeviceEvalBatchSize?: number;
  /** Batches for each step of the optimizer. The loss is the mean over all labels of the step. */
  readonly gradientAccumulationSteps?: number;
  /** Batches of rows of like length, so that little is padded; the batches come in random order, where Python's run from long to short. */
  readonly groupByLength?: boolean;
  /** The run's random numbers: dropout, and the order of the rows unless `dataSeed` is given. */
  readonly seed?: number;
  readonly dataSeed?: number;

  /** Leave out the rows of an epoch that do not fill a batch. */
  readonly dataloaderDropLast?: boolean;
  /** Of a `Dataset` the default collator gets only columns that a batch can hold; false: all. Default true. */
  readonly removeUnusedColumns?: boolean;
  /** The batch's columns that are labels. Default: `labels`, or `startPositions` and `endPositions`. */
  readonly labelNames?: readonly string[];
  /** What `computeMetrics` gets beside predictions and labels: "inputs", the ids, and "loss", as `losses`. */
  readonly includeForMetrics?: readonly ("inputs" | "loss")[];

  readonly learningRate?: number;
  /** The optimizer, with weight decay as it has it. Default "adamw". */
  readonly optim?: OptimizerName;
  readonly lrSchedulerType?: SchedulerName;
  /** What the schedule takes beside the steps: `{ numCycles: 2 }`. */
  readonly lrSchedulerKwargs?: ScheduleOptions;
  /** Steps in which the learning rate rises; below 1 a share of all steps. */
  readonly warmupSteps?: number;
  /** Not on biases and the weights of norms. */
  readonly weightDecay?: number;
  readonly adamBeta1?: number;
  readonly adamBeta2?: number;
  readonly adamEpsilon?: number;
  /** Gradients are scaled so that their norm is at most this; 0 leaves them alone. */
  readonly maxGradNorm?: number;
  /**
   * Spreads this share of each label over all classes, in training; evaluation measures the plain loss. The loss is then computed
   * from the logits, unless the model has `takesLabelSmoothing`: then it gets `labelSmoothing` with its batch.
   */
  readonly labelSmoothingFactor?: number;

  /** Computes activations again in the backward pass instead of keeping them: less memory, about a third more time. */
  readonly gradientCheckpointing?: boolean;

  /** Default "steps". The end of a run is always logged. */
  readonly loggingStrategy?: EvalStrategy;
  /** Here and in `evalSteps` and `saveSteps` a number below 1 is a share of all steps. */
  readonly loggingSteps?: number;
  /** Log after the first step too. */
  readonly loggingFirstStep?: boolean;
  /** Where the log goes beside `log.jsonl`: "tensorboard" writes event files into `runs` in `outputDir`. */
  readonly reportTo?: readonly "tensorboard"[];
  readonly evalStrategy?: EvalStrategy;
  /** Default: `loggingSteps`. */
  readonly evalSteps?: number;
  /** Evaluate before the first step. */
  readonly evalOnStart?: boolean;
  /** No evaluation before so many steps, or epochs where `evalStrategy` counts these. */
  readonly evalDelay?: number;
  /** Evaluation generates texts: `computeMetrics` and `predict` get them. */
  readonly predictWithGenerate?: boolean;
  readonly generationMaxNewTokens?: number;
  readonly generationNumBeams?: number;

  /** "best" saves whenever `metricForBestModel` is better than before. */
  readonly saveStrategy?: SaveStrategy;
  readonly saveSteps?: number;
  /** Checkpoints that are kept, the oldest go first; the newest and the best always are. Default: all. */
  readonly saveTotalLimit?: number;
  readonly loadBestModelAtEnd?: boolean;
  /** "loss" or a name that `computeMetrics` returns, with or without "eval". Default "loss". */
  readonly metricForBestModel?: string;
  /** Default: true unless the metric's name ends in "loss". */
  readonly greaterIsBetter?: boolean;

  /** No progress bar. */
  readonly disableTqdm?: boolean;
}

type Optional = "outputDir" | "maxMinutes" | "saveTotalLimit";
export type CheckedArguments = Required<Omit<TrainingArguments, Optional>> & Pick<TrainingArguments, Optional>;

/** What a value must be, for the message; undefined if it is. */
type Check = (value: unknown) => string | undefined;

const whole =
  (least: number): Check =>
  (v) =>
    Number.isInteger(v) && (v as number) >= least ? undefined : `a whole number of at least ${least}`;
const above =
  (bound: number): Check =>
  (v) =>
    Number.isFinite(v) && (v as number) > bound ? undefined : `a number above ${bound}`;
const atLeast =
  (bound: number): Check =>
  (v) =>
    Number.isFinite(v) && (v as number) >= bound ? undefined : `a number of at least ${bound}`;
const share: Check = (v) =>
  typeof v === "number" && v >= 0 && v < 1 ? undefined : "a number of at least 0 and below 1";
const steps: Check = (v) =>
  typeof v === "number" && ((v > 0 && v < 1) || (Number.isInteger(v) && v >= 1))
    ? undefined
    : "a whole number of at least 1, or a share of all steps below 1";
const flag: Check = (v) => (typeof v === "boolean" ? undefined : "true or false");
const text: Check = (v) => (typeof v === "string" && v.trim() !== "" ? undefined : "a text");
const oneOf =
  (...words: readonly string[]): Check =>
  (v) =>
    typeof v === "string" && words.includes(v) ? undefined : words.map((word) => `"${word}"`).join(" or ");

const checks: { readonly [name in keyof TrainingArguments]-?: Check } = {
  outputDir: text,
  overwriteOutputDir: flag,
  numTrainEpochs: above(0),
  maxSteps: (v) => (v === -1 ? undefined : whole(1)(v) && "a whole number of at least 1, or -1"),
  maxMinutes: above(0),
  perDeviceTrainBatchSize: whole(1),
  perDeviceEvalBatchSize: whole(1),
  gradientAccumulationSteps: whole(1),
  groupByLength: flag,
  dataloaderDropLast: flag,
  removeUnusedColumns: flag,
  labelNames: (v) =>
    Array.isArray(v) && v.every((name) => typeof name === "string") ? undefined : "a list of names of columns",
  includeForMetrics: (v) =>
    Array.isArray(v) && v.every((name) => name === "inputs" || name === "loss")
      ? undefined
      : 'a list of "inputs" and "loss"',
  seed: whole(0),
  dataSeed: whole(0),
  learningRate: atLeast(0),
  optim: oneOf("adamw", "adam", "adafactor", "sgd", "adagrad", "rmsprop"),
  lrSchedulerType: oneOf(...Object.keys(schedules)),
  lrSchedulerKwargs: (v) => (typeof v === "object" && v !== null ? undefined : "an object"),
  warmupSteps: (v) => atLeast(0)(v) ?? ((v as number) < 1 ? undefined : whole(1)(v)),
  weightDecay: atLeast(0),
  adamBeta1: share,
  adamBeta2: share,
  adamEpsilon: atLeast(0),
  maxGradNorm: atLeast(0),
  labelSmoothingFactor: share,
  gradientCheckpointing: flag,
  loggingStrategy: oneOf("no", "steps", "epoch"),
  loggingSteps: steps,
  loggingFirstStep: flag,
  reportTo: (v) =>
    Array.isArray(v) && v.every((name) => name === "tensorboard") ? undefined : '["tensorboard"] or []',
  evalStrategy: oneOf("no", "steps", "epoch"),
  evalSteps: steps,
  evalOnStart: flag,
  evalDelay: atLeast(0),
  predictWithGenerate: flag,
  generationMaxNewTokens: whole(1),
  generationNumBeams: whole(1),
  saveStrategy: oneOf("no", "steps", "epoch", "best"),
  saveSteps: steps,
  saveTotalLimit: whole(1),
  loadBestModelAtEnd: flag,
  metricForBestModel: text,
  greaterIsBetter: flag,
  disableTqdm: flag,
};

/** Fills in the defaults and refuses what makes no sense. */
export function checkArguments(args: TrainingArguments): CheckedArguments {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(checks, name)) {
      const known = Object.keys(checks).find((key) => key.toLowerCase() === name.replaceAll("_", "").toLowerCase());
      const hint = known === undefined ? "" : ` Did you mean ${known}?`;
      throw new ArgumentError(`TrainingArguments: there is no argument "${name}".${hint}`, { name });
    }
    const wanted = checks[name as keyof TrainingArguments](value); // a key of the table, as just checked
    if (wanted !== undefined) throw wrong(name, value, `it must be ${wanted}`);
  }
  const typed: TrainingArguments = given;
  const loggingSteps = typed.loggingSteps ?? 500;
  const metricForBestModel = prefixed("eval", typed.metricForBestModel ?? "loss");
  const seed = typed.seed ?? 42;
  const checked: CheckedArguments = {
    overwriteOutputDir: false,
    numTrainEpochs: typed.maxMinutes === undefined ? 3 : Number.POSITIVE_INFINITY,
    maxSteps: -1,
    perDeviceTrainBatchSize: 8,
    perDeviceEvalBatchSize: 8,
    gradientAccumulationSteps: 1,
    groupByLength: false,
    dataloaderDropLast: false,
    removeUnusedColumns: true,
    labelNames: [],
    includeForMetrics: [],
    seed,
    dataSeed: seed,
    learningRate: 5e-5,
    optim: "adamw",
    lrSchedulerType: "linear",
    lrSchedulerKwargs: {},
    warmupSteps: 0,
    weightDecay: 0,
    adamBeta1: 0.9,
    adamBeta2: 0.999,
    adamEpsilon: 1e-8,
    maxGradNorm: 1,
    labelSmoothingFactor: 0,
    gradientCheckpointing: false,
    loggingStrategy: "steps",
    loggingSteps,
    loggingFirstStep: false,
    reportTo: [],
    evalStrategy: "no",
    evalSteps: loggingSteps,
    evalOnStart: false,
    evalDelay: 0,
    predictWithGenerate: false,
    generationMaxNewTokens: 20,
    generationNumBeams: 1,
    saveStrategy: "steps",
    saveSteps: 500,
    loadBestModelAtEnd: false,
    greaterIsBetter: !metricForBestModel.toLowerCase().endsWith("loss"),
    disableTqdm: false,
    ...typed,
    metricForBestModel,
  };
  checkTogether(checked);
  return checked;
}

/** The name under which a metric is reported: for "eval" both `rougeL` and `eval_rougeL` are `evalRougeL`. */
export function prefixed(prefix: string, metric: string): string {
  const name = camelCase(metric);
  if (name.startsWith(prefix) && /[A-Z0-9]/.test(name.charAt(prefix.length))) return name;
  return `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function checkTogether(args: CheckedArguments): void {
  const { loadBestModelAtEnd, saveStrategy, evalStrategy, saveSteps, evalSteps } = args;
  const share = Object.entries({ loggingSteps: args.loggingSteps, evalSteps, saveSteps }).find(([, n]) => n < 1);
  if (share !== undefined && args.maxSteps === -1 && !Number.isFinite(args.numTrainEpochs))
    throw wrong(
      share[0],
      share[1],
      "a share of all steps wants maxSteps or numTrainEpochs, which say how many these are",
    );
  const needsBest = loadBestModelAtEnd
    ? "loadBestModelAtEnd"
    : saveStrategy === "best"
      ? 'saveStrategy "best"'
      : undefined;
  if (needsBest !== undefined && evalStrategy === "no") {
    throw new ArgumentError(
      `TrainingArguments: ${needsBest} needs evaluations; set evalStrategy to "steps" or "epoch".`,
      {},
    );
  }
  if (!loadBestModelAtEnd) return;
  if (args.outputDir === undefined) {
    throw new ArgumentError("TrainingArguments: loadBestModelAtEnd needs an outputDir to keep the best model in.", {});
  }
  if (saveStrategy === "best") return;
  if (saveStrategy !== evalStrategy || (saveStrategy === "steps" && !isMultiple(saveSteps, evalSteps))) {
    const what = `saves by "${saveStrategy}" (${saveSteps}), evaluations by "${evalStrategy}" (${evalSteps})`;
    throw new ArgumentError(
      `TrainingArguments: loadBestModelAtEnd wants every saved model to be evaluated, got ${what}. ` +
        'Use the same strategy, with saveSteps a multiple of evalSteps, or saveStrategy "best".',
      { saveStrategy, evalStrategy, saveSteps, evalSteps },
    );
  }
}

/** Of two counts or of two shares; the latter are no exact numbers. */
function isMultiple(steps: number, of: number): boolean {
  const times = steps / of;
  return steps < 1 === of < 1 && Math.abs(times - Math.round(times)) < 1e-6;
}

function wrong(name: string, value: unknown, what: string): ArgumentError {
  const shown = typeof value === "string" ? `"${value}"` : String(value);
  return new ArgumentError(`TrainingArguments: ${name} is ${shown}; ${what}.`, { name, value });
}
