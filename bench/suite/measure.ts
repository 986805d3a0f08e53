// Sides in turn over one case: every round each runs for about as long, one at a time. Rounds are compared with themselves, so
// that what slows the whole machine for a while slows all sides.

import { Quiet } from "./quiet.ts";
import { type Side, sleep } from "./side.ts";

export interface Spread {
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
}

export interface Measured {
  /** Milliseconds of one run, by round, for each side. */
  readonly ms: readonly (readonly number[])[];
  /** The largest share of the processors that other programs had during a turn that counts. */
  readonly disturbed: number;
}

export interface Turns {
  readonly rounds: number;
  /** How long a turn lasts, at least one run. */
  readonly turnMs: number;
  /** Called before each round. */
  readonly progress?: (round: number) => void;
}

// A sample is worth timing from here on.
const sampleMs = 1;
// A turn in which others had more than this share of the machine is taken again, so many times at most.
const quietShare = 0.05;
const attempts = 4;
// So long a row waits for others to be done, and takes turns again, all in all.
const patienceMs = 10_000;

/** Time that a row may still spend on others' account. */
export interface Patience {
  ms: number;
}

export function newPatience(): Patience {
  return { ms: patienceMs };
}

export async function measure(sides: readonly Side[], words: string, turns: Turns): Promise<Measured> {
  const plans: { readonly reps: number; readonly times: number }[] = [];
  const patience = newPatience();
  for (const side of sides) {
    await side.open(words);
    await settle(side.pid, patience);
    const ms = await once(side, turns.turnMs);
    const times = Math.max(1, Math.ceil(sampleMs / ms));
    plans.push({ times, reps: Math.max(1, Math.min(200, Math.round(turns.turnMs / (ms * times)))) });
  }
  const ms: number[][] = sides.map(() => []);
  let disturbed = 0;
  for (let round = 0; round < turns.rounds; round++) {
    turns.progress?.(round);
    for (let i = 0; i < sides.length; i++) {
      const at = (i + round) % sides.length; // each goes first in its turn
      const { reps, times } = plans[at]!;
      const turn = await quietTurn(sides[at]!, reps, times, patience);
      ms[at]!.push(turn.ms);
      disturbed = Math.max(disturbed, turn.others);
    }
  }
  return { ms, disturbed };
}

/** About how long one run takes. */
async function once(side: Side, turnMs: number): Promise<number> {
  const [ms = Number.NaN] = await side.run(1, 1);
  return ms > turnMs ? ms : Math.min(...(await side.run(3, 1)));
}

/** The median of a turn, taken again while other programs disturb it. */
async function quietTurn(
  side: Side,
  reps: number,
  times: number,
  patience: Patience,
): Promise<{ readonly ms: number; readonly others: number }> {
  let best = { ms: Number.NaN, others: Number.POSITIVE_INFINITY };
  for (let attempt = 0; attempt < attempts; attempt++) {
    await settle(side.pid, patience);
    const start = performance.now();
    const quiet = new Quiet(side.pid);
    const ms = median(await side.run(reps, times));
    const others = quiet.othersShare() ?? 0;
    if (attempt > 0) patience.ms -= performance.now() - start;
    if (others < best.others) best = { ms, others };
    if (best.others <= quietShare || patience.ms <= 0) break;
  }
  return best;
}

/** Until the side before has gone to sleep, and other programs too; they are not waited for without end. */
export async function settle(pid: number, patience: Patience): Promise<void> {
  await sleep(30);
  while (patience.ms > 0) {
    const quiet = new Quiet(pid);
    await sleep(100);
    if ((quiet.othersShare() ?? 0) <= 2 * quietShare) return;
    patience.ms -= 100;
  }
}

export function median(values: readonly number[]): number {
  return spread(values).median;
}

/** Quartiles, between neighbours where there is no middle. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN];
    return low + (high - low) * (place - Math.floor(place));
  };
  return { q1: at(0.25), median: at(0.5), q3: at(0.75) };
}

/** How many times as fast as the second the first is, round by round. */
export function speed(ours: readonly number[], theirs: readonly number[]): Spread {
  return spread(ours.map((ms, round) => theirs[round]! / ms));
}
