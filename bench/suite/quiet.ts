// Whether the machine had anything else to do during a measurement. Linux says so in /proc; elsewhere nothing is known.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

const msPerTick = 10; // of /proc, on every Linux that Node runs on

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** From its making to `othersShare()`, what other programs took of the processors. */
export class Quiet {
  readonly #pid: number;
  readonly #start = performance.now();
  readonly #machine = machineMs();
  readonly #own: number | undefined;

  constructor(pid: number) {
    this.#pid = pid;
    this.#own = Quiet.cpuMs(pid);
  }

  /** Processor time of a process with all its threads. */
  static cpuMs(pid: number): number | undefined {
    const fields = read(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" "); // those after the name
    return fields === undefined ? undefined : msPerTick * (Number(fields[11]) + Number(fields[12])); // user, system
  }

  /** The share of all processors that went to others than the process, 0 to 1. */
  othersShare(): number | undefined {
    const [machine, own] = [machineMs(), Quiet.cpuMs(this.#pid)];
    if (machine === undefined || own === undefined || this.#machine === undefined || this.#own === undefined)
      return undefined;
    const others = machine - this.#machine - (own - this.#own);
    return Math.max(0, others / (performance.now() - this.#start) / availableParallelism());
  }
}

/** Time that all processors were busy, or were taken by a host. */
function machineMs(): number | undefined {
  const fields = read("/proc/stat")?.split("\n", 1)[0]?.split(/\s+/).slice(1).map(Number);
  if (fields === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return msPerTick * (user + nice + system + irq + softirq + steal);
}
