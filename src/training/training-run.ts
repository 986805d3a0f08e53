// One call of `train()`: the loop over steps, and what is due after each. How far it is stands in the state, which is all that
// the loop goes by; so a run that is given the state of another goes on where that one was.

import { NonFiniteError } from "../base/errors.ts";
import { clipGradNorm_ } from "../optim/clip.ts";
import { scope } from "../tensor/scope.ts";
import type { CheckedArguments } from "./arguments.ts";
import { breathe } from "./breathe.ts";
import type { CallbackContext, TrainerCallback, TrainerControl } from "./callbacks.ts";
import { checkpointFiles, type Trained } from "./checkpoint.ts";
import type { ProgressBar } from "./progress.ts";
import { checkpointName, type RunFolder } from "./run-folder.ts";
import { countedSteps, epochAfter, expectedSteps, type Length, lengthOf, lrFactorAt } from "./schedule.ts";
import { type LogEntry, logRow, type Metrics, plainName, shortNumber, timing } from "./state.ts";
import { accumulateGradients, type Batch, type ModelOutput, nonFinite } from "./step.ts";
import type { StepRows } from "./step-rows.ts";

export interface RunParts<Row> extends Trained {
  readonly rows: StepRows<Row>;
  readonly collate: (rows: readonly Row[]) => Batch;
  readonly forward: (batch: Batch) => ModelOutput;
  /** Tokens that a row brings, for the speed. */
  readonly tokensOf: (row: Row) => number;
  readonly evaluate: (signal: AbortSignal) => Promise<Metrics>;
  readonly callbacks: readonly TrainerCallback[];
  readonly folder: RunFolder | undefined;
  /** Each parameter group's own rate, which the schedule scales. */
  readonly rates: readonly number[];
  readonly bar: (total: number) => ProgressBar;
  /** Aborted with `stopReason` to end the run after the step it is in. */
  readonly signal: AbortSignal;
}

/** With this an evaluation ends when the run is to stop. */
export const stopReason: Error = new Error("the run was stopped");

export class TrainingRun<Row> {
  readonly #parts: RunParts<Row>;
  readonly #args: CheckedArguments;
  readonly #length: Length;
  readonly #bar: ProgressBar;
  readonly #control: TrainerControl = {
    shouldTrainingStop: false,
    shouldEvaluate: false,
    shouldSave: false,
    shouldLog: false,
  };
  readonly #startMs = performance.now();
  readonly #secondsBefore: number;
  /** Of this call alone: tokens, and the time in steps. */
  #tokens = 0;
  #stepMs = 0;
  #lossSum = 0;
  #steps = 0;
  #gradNorm = 0;
  #savedStep: number;

  constructor(parts: RunParts<Row>) {
    this.#parts = parts;
    this.#args = parts.args;
    this.#length = lengthOf(parts.args, parts.rows.count);
    this.#secondsBefore = parts.state.trainSeconds;
    this.#savedStep = parts.state.globalStep;
    parts.state.maxSteps = this.#expectedSteps();
    this.#bar = parts.bar(parts.state.maxSteps);
  }

  get wasStopped(): boolean {
    return this.#parts.signal.aborted;
  }
  /** The mean loss of this call's steps. */
  get meanLoss(): number {
    return this.#lossSum / Math.max(1, this.#steps);
  }
  get steps(): number {
    return this.#steps;
  }
  get seconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  async run(): Promise<void> {
    const { state } = this.#parts;
    try {
      await this.tell("onTrainBegin");
      if (state.evaluationPending && (await this.#evaluate()) && this.#savesBest) await this.#save(true);
      if (this.#args.evalOnStart && state.globalStep === 0) await this.#evaluate();
      while (!this.wasStopped && !this.#isFinished()) {
        await this.#oneStep();
        await breathe();
      }
      if (this.wasStopped && this.#savedStep !== state.globalStep) await this.#save(false);
      await this.#drawCurve();
    } catch (error) {
      if (error instanceof NonFiniteError) {
        await this.log({ loss: Number.NaN }, state.globalStep + 1);
        await this.#drawCurve(); // with a mark at its end
      }
      throw error;
    } finally {
      this.#bar.stop();
      await this.#parts.rows.close();
    }
  }

  /** Tells all callbacks in turn. */
  async tell<K extends keyof TrainerCallback>(event: K, extra: object = {}): Promise<void> {
    const context = { args: this.#args, state: this.#parts.state, control: this.#control, ...extra };
    for (const callback of this.#parts.callbacks) {
      const told = callback[event] as ((context: CallbackContext) => void | Promise<void>) | undefined; // `extra` is the event's
      await told?.call(callback, context);
    }
  }

  /** Adds to the history and to the log. */
  async log(values: Metrics, step: number = this.#parts.state.globalStep): Promise<void> {
    const { state, folder } = this.#parts;
    const entry: LogEntry = { ...values, epoch: this.#epochAfter(step), step };
    state.logHistory.push(entry);
    folder?.log(logRow(entry));
    await this.tell("onLog", { logs: entry });
  }

  #epochAfter(step: number): number {
    return epochAfter(this.#length, this.#args.gradientAccumulationSteps, step);
  }

  /** Whether the run has come to its end, stopped or not. */
  #isFinished(): boolean {
    const { globalStep, trainSeconds } = this.#parts.state;
    const { lastStep, maxSeconds } = this.#length;
    return this.#control.shouldTrainingStop || globalStep >= lastStep || trainSeconds >= maxSeconds;
  }

  #expectedSteps(): number {
    const { globalStep, trainSeconds } = this.#parts.state;
    return Math.ceil(expectedSteps(this.#args, this.#length, globalStep, trainSeconds));
  }

  async #oneStep(): Promise<void> {
    const { state, rows, rates, optimizer, scheduler } = this.#parts;
    const { stepsPerEpoch } = this.#length;
    if (state.globalStep % stepsPerEpoch === 0) await this.tell("onEpochBegin");
    const from = performance.now();
    const total = expectedSteps(this.#args, this.#length, state.globalStep, state.trainSeconds);
    if (scheduler === undefined) {
      const factor = lrFactorAt(this.#args, state.globalStep, total);
      optimizer.paramGroups.forEach((group, i) => {
        group.lr = rates[i]! * factor;
      });
    }
    const rate = optimizer.paramGroups[0]!.lr;
    const chosen = await rows.ofStep(state.globalStep);
    const loss = this.#learn(chosen);
    state.globalStep++;
    state.epoch = this.#epochAfter(state.globalStep);
    state.lossSinceLog += loss;
    state.stepsSinceLog++;
    state.trainSeconds = this.#secondsBefore + this.seconds;
    state.maxSteps = this.#expectedSteps();
    this.#lossSum += loss;
    this.#steps++;
    const tokens = chosen.flat().reduce((sum, row) => sum + this.#parts.tokensOf(row), 0);
    state.numTokensSeen += tokens;
    this.#tokens += tokens;
    this.#stepMs += performance.now() - from;
    this.#bar.update(state.globalStep, {
      loss,
      learningRate: rate,
      tokensPerSecond: this.#tokensPerSecond(),
      total: state.maxSteps,
    });
    await this.tell("onStepEnd", { loss });
    await this.#afterStep(rate);
  }

  #tokensPerSecond(): number {
    return (1000 * this.#tokens) / Math.max(1e-3, this.#stepMs);
  }

  /** Forward, backward and update, in a scope of their own; the loss. */
  #learn(chosen: readonly Row[][]): number {
    const { model, optimizer, scheduler, collate, forward } = this.#parts;
    const step = this.#parts.state.globalStep + 1;
    const s = scope("a training step");
    try {
      model.train();
      const batches = chosen.map((batch) => ({ ...collate(batch), ...this.#smoothing() }));
      const loss = accumulateGradients(batches, forward, step, this.#args.labelNames);
      const { maxGradNorm } = this.#args;
      this.#gradNorm = clipGradNorm_(model.parameters(), maxGradNorm === 0 ? Number.POSITIVE_INFINITY : maxGradNorm);
      if (!Number.isFinite(this.#gradNorm)) throw nonFinite("gradients' norm", this.#gradNorm, step);
      optimizer.step();
      scheduler?.step();
      return loss;
    } finally {
      optimizer.zeroGrad();
      s.end();
    }
  }

  #smoothing(): { readonly labelSmoothing?: number } {
    const { labelSmoothingFactor } = this.#args;
    return labelSmoothingFactor === 0 ? {} : { labelSmoothing: labelSmoothingFactor };
  }

  /** Logs, evaluates and saves where that is due. The last step of a run is due for everything. */
  async #afterStep(rate: number): Promise<void> {
    const { state } = this.#parts;
    const { loggingStrategy, loggingSteps, loggingFirstStep, evalStrategy, evalSteps } = this.#args;
    const control = this.#control;
    const epochEnds = state.globalStep % this.#length.stepsPerEpoch === 0;
    const due = (strategy: string, steps: number): boolean =>
      (strategy === "steps" && state.globalStep % countedSteps(steps, this.#length) === 0) ||
      (strategy === "epoch" && epochEnds);
    if (epochEnds) await this.tell("onEpochEnd");
    const logs = due(loggingStrategy, loggingSteps) || (loggingFirstStep && state.globalStep === 1);
    if (control.shouldLog || logs || this.#isFinished()) await this.#logLoss(rate);
    const evaluates =
      control.shouldEvaluate ||
      (evalStrategy !== "no" && (due(evalStrategy, evalSteps) || this.#isFinished()) && !this.#isTooEarly());
    const isBest = evaluates && (await this.#evaluate());
    if (this.#shouldSave(due, isBest)) await this.#save(isBest);
    Object.assign(control, { shouldLog: false, shouldEvaluate: false, shouldSave: false });
  }

  /** Whether `evalDelay` has not passed. */
  #isTooEarly(): boolean {
    const { evalDelay, evalStrategy } = this.#args;
    const { globalStep, epoch } = this.#parts.state;
    return (evalStrategy === "epoch" ? epoch : globalStep) < evalDelay;
  }

  #shouldSave(due: (strategy: string, steps: number) => boolean, isBest: boolean): boolean {
    const { saveStrategy, saveSteps } = this.#args;
    if (this.#parts.folder === undefined) return false;
    if (this.#control.shouldSave || due(saveStrategy, saveSteps)) return true;
    if (isBest && this.#savesBest) return true;
    return this.#isFinished() && (saveStrategy === "steps" || saveStrategy === "epoch");
  }

  get #savesBest(): boolean {
    return this.#args.saveStrategy === "best" || this.#args.loadBestModelAtEnd;
  }

  async #logLoss(rate: number): Promise<void> {
    const { state } = this.#parts;
    const loss = state.lossSinceLog / Math.max(1, state.stepsSinceLog);
    [state.lossSinceLog, state.stepsSinceLog] = [0, 0];
    await this.log({
      loss,
      gradNorm: this.#gradNorm,
      learningRate: rate,
      tokensPerSecond: Math.round(this.#tokensPerSecond()),
    });
  }

  /** Measures the model; says whether it is the best so far. A stop in the middle leaves the evaluation to the resumed run. */
  async #evaluate(): Promise<boolean> {
    const { state } = this.#parts;
    const { metricForBestModel: name, greaterIsBetter } = this.#args;
    state.evaluationPending = true;
    if (this.wasStopped) return false;
    let metrics: Metrics;
    try {
      metrics = await this.#parts.evaluate(this.#parts.signal);
    } catch (error) {
      if (error === stopReason) return false;
      throw error;
    }
    state.evaluationPending = false;
    state.trainSeconds = this.#secondsBefore + this.seconds;
    const value = metrics[name] ?? Number.NaN;
    const isBest =
      !Number.isNaN(value) &&
      (state.bestMetric === null || (greaterIsBetter ? value > state.bestMetric : value < state.bestMetric));
    if (isBest)
      Object.assign(state, { bestMetric: value, bestGlobalStep: state.globalStep, bestModelCheckpoint: null });
    await this.log(metrics);
    this.#bar.log(summary(state.globalStep, metrics));
    await this.#drawCurve();
    await this.tell("onEvaluate", { metrics });
    return isBest;
  }

  async #drawCurve(): Promise<void> {
    const { state, folder } = this.#parts;
    if (state.logHistory.length > 0) await folder?.drawCurve(state.logHistory, this.#args.metricForBestModel);
  }

  async #save(isBest: boolean): Promise<void> {
    const { state, folder } = this.#parts;
    if (folder === undefined) return;
    if (isBest) state.bestModelCheckpoint = `${folder.path}/${checkpointName(state.globalStep)}`;
    const best = state.bestModelCheckpoint === null ? null : state.bestGlobalStep;
    const keep = { limit: this.#args.saveTotalLimit, best };
    const checkpoint = await folder.saveCheckpoint(state.globalStep, checkpointFiles(this.#parts), keep);
    this.#savedStep = state.globalStep;
    await this.tell("onSave", { checkpoint });
  }
}

/** `step 100: loss 2.31, rouge1 0.25` */
function summary(step: number, metrics: Metrics): string {
  const shown = Object.entries(metrics).filter(([name]) => !timing.test(name));
  return `step ${step}: ${shown.map(([name, value]) => `${plainName(name)} ${shortNumber(value)}`).join(", ")}`;
}
