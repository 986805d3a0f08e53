// How a network learns, layer by layer: whether signals on their way forward and gradients on their way back vanish or explode,
// how far a step moves the weights, which units never answer, and where the first number came from that is none.
//
//     const watch = monitor(model);
//     … loss.backward(); watch.step(optimizer); optimizer.zeroGrad();
//     console.log(String(watch));

import { isFloating } from "../base/dtype.ts";
import type { AnyModule } from "../nn/module.ts";
import { Parameter } from "../nn/parameter.ts";
import { isGradEnabled, noGrad } from "../tensor/grad-mode.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Column, lines } from "./table.ts";
import { UnitDims } from "./unit-dim.ts";

/** One layer in one step; undefined where it has no such thing. */
export interface LayerRow {
  /** Its dotted name in the model. */
  readonly layer: string;
  /** Its class. */
  readonly kind: string;
  /** The root mean square of what came out of it. */
  readonly activation: number | undefined;
  /** The same of the gradient that reached its output. */
  readonly outputGradient: number | undefined;
  /** The norm of its own parameters before the step, and of their gradients. */
  readonly weight: number | undefined;
  readonly gradient: number | undefined;
  /** How far the step moved the parameters, over their norm; about 1e-3 is usual. */
  readonly update: number | undefined;
  /** Units that were 0 wherever they were computed, of how many: channels of convolutions, else the last dimension. */
  readonly dead: number | undefined;
  readonly units: number | undefined;
}

/** Where the first NaN or infinity was seen. */
export interface NonFinite {
  /** From 0. */
  readonly step: number;
  readonly layer: string;
  /**
   * It was in what the layer gave (`forward`), in the gradient that reached its output, which comes from what was computed of that
   * (`backward`), in the gradient of its parameters (`gradient`), or in these after the step (`update`).
   */
  readonly phase: "forward" | "backward" | "gradient" | "update";
}

/**
 * Watches the model's layers: all without submodules, and all with parameters of their own. Only calls that record gradients
 * count, so evaluation under `noGrad` does not. Each layer's numbers are read as they are made, so watch for some steps, not for all.
 */
export function monitor(model: AnyModule): Monitor {
  return new Monitor(model);
}

export class Monitor {
  /** Every step's rows, in the order of the model. */
  readonly steps: LayerRow[][] = [];
  /** Undefined as long as all numbers are finite. */
  firstNonFinite: NonFinite | undefined;
  readonly #layers: readonly Layer[];

  constructor(model: AnyModule) {
    const found = (layer: string, phase: NonFinite["phase"]): void => {
      this.firstNonFinite ??= { step: this.steps.length, layer, phase };
    };
    const unitDims = new UnitDims();
    this.#layers = model
      .namedModules()
      .filter(([, module]) => module.children().length === 0 || ownParameters(module).length > 0)
      .map(([name, module]) => new Layer(name, module, unitDims, found));
  }

  /** The last step's rows; empty before the first. */
  get rows(): readonly LayerRow[] {
    return this.steps.at(-1) ?? [];
  }

  /** Lets the optimizer take a step, after backward(), and closes the rows of it. Holds a copy of the weights meanwhile. */
  step(optimizer: { step(): void }): void {
    noGrad(() =>
      tidy(() => {
        const before = this.#layers.map((layer) => layer.beforeStep());
        optimizer.step();
        this.steps.push(this.#layers.map((layer, i) => layer.close(before[i]!)));
      }),
    );
  }

  /** Ends the watching; the rows stay. */
  remove(): void {
    for (const layer of this.#layers) layer.remove();
  }

  /** The last step as a table, and the first number that is none. */
  toString(): string {
    const table = lines(columns, this.rows);
    const found = this.firstNonFinite;
    if (found === undefined) return table.join("\n");
    return [...table, "", `first NaN or infinity: step ${found.step}, ${titles[found.phase]} ${found.layer}`].join(
      "\n",
    );
  }
}

const titles: { readonly [phase in NonFinite["phase"]]: string } = {
  forward: "in what came out of",
  backward: "in the gradient that reached the output of",
  gradient: "in the gradient of the parameters of",
  update: "in the updated parameters of",
};

const digits = (x: number | undefined): string => (x === undefined ? "" : x.toExponential(1));
const columns: readonly Column<LayerRow>[] = [
  { title: "layer", text: (row) => `${row.layer} (${row.kind})`, left: true },
  { title: "activation", text: (row) => digits(row.activation) },
  { title: "its gradient", text: (row) => digits(row.outputGradient) },
  { title: "weight", text: (row) => digits(row.weight) },
  { title: "its gradient", text: (row) => digits(row.gradient) },
  { title: "update", text: (row) => digits(row.update) },
  { title: "dead", text: (row) => (row.dead === undefined ? "" : `${row.dead}/${row.units}`) },
];

/** A layer's weights as they are before a step. */
interface Before {
  readonly weights: readonly Tensor[];
  readonly weight: number | undefined;
  readonly gradient: number | undefined;
}

class Layer {
  readonly #name: string;
  readonly #module: AnyModule;
  readonly #found: (layer: string, phase: NonFinite["phase"]) => void;
  readonly remove: () => void;
  #activation = new MeanSquare();
  #outputGradient = new MeanSquare();
  /** Which units were not 0 somewhere in this step. */
  #alive: boolean[] | undefined;

  constructor(
    name: string,
    module: AnyModule,
    unitDims: UnitDims,
    found: (layer: string, phase: NonFinite["phase"]) => void,
  ) {
    this.#name = name;
    this.#module = module;
    this.#found = found;
    this.remove = module.registerForwardHook((_, [input], result) => {
      const output = firstTensor(result);
      if (output !== undefined && isGradEnabled()) this.#record(output, unitDims.of(module, input, output));
    });
  }

  #record(output: Tensor, unitDim: number): void {
    noGrad(() => tidy(() => this.#see(output.detach(), this.#activation, "forward")));
    noGrad(() => tidy(() => this.#countUnits(output.detach(), unitDim)));
    if (!output.requiresGrad) return;
    output.registerHook((g) => {
      noGrad(() => tidy(() => this.#see(g.detach(), this.#outputGradient, "backward")));
    });
  }
  #see(t: Tensor, into: MeanSquare, phase: NonFinite["phase"]): void {
    into.add(t);
    if (!allFinite(t)) this.#found(this.#name, phase);
  }
  #countUnits(t: Tensor, dim: number): void {
    if (t.ndim === 0 || t.numel === 0) return;
    const units = t.size(dim);
    const seen = t.ne(0).movedim(dim, -1).reshape(-1, units).any({ dim: 0 }).toArray(); // [units]
    const before = this.#alive?.length === units ? this.#alive : undefined; // sequences may differ in length
    this.#alive = Array.from(seen, (x, i) => Number(x) === 1 || before?.[i] === true);
  }

  beforeStep(): Before {
    const weights = ownParameters(this.#module);
    const grads = weights.flatMap(({ grad }) => (grad === undefined ? [] : [grad]));
    if (grads.some((g) => !allFinite(g))) this.#found(this.#name, "gradient");
    return { weights: weights.map((w) => w.detach().clone()), weight: norm(weights), gradient: norm(grads) };
  }

  /** The row of a step that has been taken; the next one begins. */
  close({ weights, weight, gradient }: Before): LayerRow {
    const now = ownParameters(this.#module);
    if (now.some((w) => !allFinite(w))) this.#found(this.#name, "update");
    const moved = norm(now.map((w, i) => w.sub(weights[i]!)));
    const row: LayerRow = {
      layer: this.#name,
      kind: this.#module.constructor.name,
      activation: this.#activation.root,
      outputGradient: this.#outputGradient.root,
      weight,
      gradient,
      update: moved === undefined || weight === undefined ? undefined : moved / weight,
      dead: this.#alive?.filter((alive) => !alive).length,
      units: this.#alive?.length,
    };
    this.#activation = new MeanSquare();
    this.#outputGradient = new MeanSquare();
    this.#alive = undefined;
    return row;
  }
}

/** Over all calls of a layer in a step. */
class MeanSquare {
  #sum = 0;
  #n = 0;
  add(t: Tensor): void {
    this.#sum += Number(t.norm().item()) ** 2;
    this.#n += t.numel;
  }
  get root(): number | undefined {
    return this.#n === 0 ? undefined : Math.sqrt(this.#sum / this.#n);
  }
}

function ownParameters(module: AnyModule): Parameter[] {
  return Object.values(module).filter((value) => value instanceof Parameter);
}

/** Of all together; undefined of none. */
function norm(tensors: readonly Tensor[]): number | undefined {
  if (tensors.length === 0) return undefined;
  return Math.hypot(...tensors.map((t) => Number(t.detach().norm().item())));
}

function allFinite(t: Tensor): boolean {
  return Number(t.detach().isfinite().all().item()) === 1;
}

/** A layer's output: of several (a sequence and a state) the first, if it is floating. */
function firstTensor(result: unknown): Tensor | undefined {
  const first: unknown = Array.isArray(result) ? result[0] : result;
  return first instanceof Tensor && isFloating(first.dtype) ? first : undefined;
}
