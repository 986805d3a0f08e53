// How far training is, on stderr: a bar that stays at the bottom of a terminal, with log lines above it; elsewhere (a log
// file, a pipe, CI) a plain line now and then, never a carriage return.

import { createRequire } from "node:module";
import type CliProgress from "cli-progress";
import type { ProgressBar, ProgressOptions, ProgressValues } from "./progress.ts";

type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean };

const drawEveryMs = 100;
const printEveryMs = 10_000;

export function progressBar(
  total: number,
  { label, startStep = 0, stream = process.stderr }: ProgressOptions & { readonly stream?: Stream },
): ProgressBar {
  const isTerminal = stream.isTTY === true && process.env["TERM"] !== "dumb";
  const state: State = { label, total, step: startStep, startStep, startMs: Date.now(), values: {} };
  const show = isTerminal ? inTerminal(state, stream) : inLines(state, stream);
  let stopped = false;
  return {
    update: (step, { total: newTotal = state.total, ...values } = {}) => {
      if (stopped) return;
      state.step = step;
      state.total = newTotal;
      state.values = { ...state.values, ...values };
      show.changed();
    },
    log: (line) => (stopped ? void stream.write(`${line}\n`) : show.log(line)),
    stop: () => {
      if (!stopped) show.end();
      stopped = true;
    },
  };
}

interface State {
  readonly label: string;
  total: number;
  readonly startStep: number;
  readonly startMs: number;
  step: number;
  values: ProgressValues;
}

interface Display {
  changed(): void;
  log(line: string): void;
  end(): void;
}

/** Training seldom returns to the event loop, whose timers draw cli-progress's bars: so each draw is asked for here. */
function inTerminal(state: State, stream: NodeJS.WritableStream): Display {
  // Loaded here and at once: most programs never draw a bar, and none should wait for it at its start.
  const cliProgress = createRequire(import.meta.url)("cli-progress") as typeof CliProgress; // what the package exports
  const bars = new cliProgress.MultiBar({
    stream,
    format: (options, { progress }) =>
      `${state.label} ${cliProgress.Format.BarFormat(progress, options)} ${describe(state)}`,
    barsize: 24,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    linewrap: true, // cuts lines to the width itself, where `false` would change the terminal's own setting
    forceRedraw: true,
    gracefulExit: false, // its handler would swallow the first Ctrl-C
  });
  const bar = bars.create(state.total, state.step);
  // The library keeps its timer to itself. It must not keep a process alive whose training threw before `stop`.
  const letGo = (): void => void (bars as unknown as { timer: NodeJS.Timeout | null }).timer?.unref();
  bars.on("update-post", letGo);
  letGo();
  let drawnMs = 0;
  const draw = (): void => {
    drawnMs = Date.now();
    bar.setTotal(state.total);
    bar.update(state.step);
    bars.update();
  };
  return {
    changed: () => {
      if (Date.now() - drawnMs >= drawEveryMs) draw();
    },
    log: (line) => {
      bars.log(`${line}\n`);
      draw();
    },
    end: () => {
      bar.setTotal(state.total);
      bar.update(state.step);
      bars.stop();
    },
  };
}

function inLines(state: State, stream: NodeJS.WritableStream): Display {
  let printedMs = Number.NEGATIVE_INFINITY;
  let printedStep = Number.NaN;
  const print = (): void => {
    printedMs = Date.now();
    printedStep = state.step;
    stream.write(`${state.label} ${describe(state)}\n`);
  };
  return {
    changed: () => {
      if (Date.now() - printedMs >= printEveryMs) print();
    },
    log: (line) => void stream.write(`${line}\n`),
    end: () => {
      if (printedStep !== state.step) print();
    },
  };
}

/** ` 12% 120/1000  loss 2.3451  12,345 tokens/s  lr 5.00e-5  3 min 20 s left` */
function describe({ total, step, startStep, startMs, values }: State): string {
  const { loss, tokensPerSecond, learningRate } = values;
  const seconds = (Date.now() - startMs) / 1000;
  const percent = total > 0 ? Math.floor((100 * step) / total) : 100;
  const parts = [`${String(percent).padStart(3)}% ${step}/${total}`];
  if (loss !== undefined) parts.push(`loss ${loss.toFixed(4)}`);
  if (tokensPerSecond !== undefined) parts.push(`${Math.round(tokensPerSecond).toLocaleString("en-US")} tokens/s`);
  if (learningRate !== undefined) parts.push(`lr ${learningRate.toExponential(2)}`);
  if (step >= total) parts.push(`in ${duration(seconds)}`);
  else if (step > startStep) parts.push(`${duration((seconds * (total - step)) / (step - startStep))} left`);
  return parts.join("  ");
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [minutes, hours, days] = [Math.floor(whole / 60), Math.floor(whole / 3600), Math.floor(whole / 86_400)];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}
