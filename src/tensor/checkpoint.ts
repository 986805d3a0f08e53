// Memory for time: a part of the graph that keeps nothing but its inputs, and is computed again when backward gets there.
// https://arxiv.org/abs/1604.06174
//
//   forward    what an operation saves is only counted:         0, 1, 2, …
//   backward   the first that is asked for runs the part anew:  0, 1, 2, … are caught as they are saved, and handed out

import { ArgumentError, AutogradError, UnsupportedError } from "../base/errors.ts";
import { defaultGenerator, type GeneratorState } from "../base/random.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { Tensor } from "./core.ts";
import { enableGrad, isGradEnabled } from "./grad-mode.ts";
import { goneError, Held, type Packed, SavedTensor, withPack } from "./graph.ts";
import { persist, scope, tidy } from "./scope.ts";

/**
 * `fn(...inputs)`, whose intermediate results are not held for backward but computed again in it: the gradients are the same, the
 * memory is that of the inputs, the time that of one more forward pass. The default stream of random numbers is put back for it,
 * so that dropout draws the same. `fn` is synchronous, computes the same both times, and takes its tensors as `inputs` (also in
 * arrays), parameters aside. Checkpoints may be nested. An input that was changed in place before backward is an error.
 */
export function checkpoint<A extends readonly unknown[], R>(fn: (...inputs: A) => R, ...inputs: A): R {
  if (!isGradEnabled()) return fn(...inputs);
  const part = new Part(fn, inputs);
  return part.forward(inputs);
}

/**
 * Functions one after another, `Sequential`'s modules for example, in `segments` parts of equal length (the last may be longer), of which
 * all but the last are checkpoints: memory of the inputs of each, and of one part.
 */
export function checkpointSequential(
  functions: Iterable<(x: Tensor) => Tensor>,
  segments: number,
  input: Tensor,
): Tensor {
  const list = [...functions];
  if (!(Number.isInteger(segments) && segments >= 1 && segments <= list.length)) {
    throw new ArgumentError(`checkpointSequential: ${segments} segments of ${list.length} functions.`, { segments });
  }
  const size = Math.floor(list.length / segments);
  const through = (part: readonly ((x: Tensor) => Tensor)[]): ((x: Tensor) => Tensor) => {
    return (x) => part.reduce((y, f) => f(y), x);
  };
  let x = input;
  for (let s = 0; s < segments - 1; s++) x = checkpoint(through(list.slice(s * size, (s + 1) * size)), x);
  return through(list.slice((segments - 1) * size))(x);
}

/** What one saved tensor has to look like when it comes again. */
type Look = Pick<Tensor, "shape" | "dtype">;

class Part<A extends readonly unknown[], R> {
  readonly #fn: (...inputs: A) => R;
  readonly #inputs: readonly Saved[];
  readonly #random: GeneratorState = defaultGenerator.state;
  readonly #looks: Look[] = [];
  /** What was computed again and not handed out yet. */
  #caught: (Held | undefined)[] = [];
  /** What will not be asked for any more. */
  readonly #finished = new Set<number>();
  #isRunning = true;

  constructor(fn: (...inputs: A) => R, inputs: A) {
    this.#fn = fn;
    this.#inputs = inputs.map(save);
  }

  forward(inputs: A): R {
    const pack = ({ shape, dtype }: Tensor): Packed => {
      return new Again(this, this.#looks.push({ shape, dtype }) - 1);
    };
    try {
      return withPack(pack, () => tidy(() => this.#fn(...inputs), "checkpoint()"));
    } finally {
      this.#isRunning = false;
      this.#releaseInputs();
    }
  }

  held(): readonly Tensor[] {
    return this.#inputs.flatMap(heldBy);
  }
  /** What was saved as number `index`: the caller's from now on. */
  take(index: number): Held {
    if (this.#isRunning) {
      throw new UnsupportedError(
        "checkpoint: backward() or grad() inside of the function, through what it computes.",
        {},
      );
    }
    if (this.#caught[index] === undefined) this.#again();
    const held = this.#caught[index]!;
    this.#caught[index] = undefined;
    return held;
  }
  /** Number `index` will not be asked for any more. */
  done(index: number): void {
    this.#drop(index);
    this.#finished.add(index);
    this.#releaseInputs();
  }
  #drop(index: number): void {
    this.#caught[index]?.release();
    this.#caught[index] = undefined;
  }
  /** Once nothing is left to be computed from them. */
  #releaseInputs(): void {
    if (this.#isRunning || this.#finished.size < this.#looks.length) return;
    for (const input of this.#inputs) release(input);
  }

  #again(): void {
    const inputs = this.#inputs.map(unpack) as unknown as A; // what `save` made of them
    const caught: Held[] = [];
    const random = defaultGenerator.state;
    const s = scope("checkpoint()");
    try {
      defaultGenerator.state = this.#random;
      enableGrad(() =>
        withPack(
          (tensor) => grasp(caught, tensor),
          () => this.#fn(...inputs),
        ),
      );
      checkLooks(this.#looks, caught);
    } catch (error) {
      for (const held of caught) held.release();
      throw error;
    } finally {
      defaultGenerator.state = random;
      s.end();
    }
    for (const held of this.#caught) held?.release();
    this.#caught = caught;
    for (const index of this.#finished) this.#drop(index);
  }
}

/** Keeps a tensor that the second computation saves; the graph of that is not used. */
function grasp(caught: Held[], tensor: Tensor): Packed {
  const held = new Held(tensor);
  persist(held.tensor);
  caught.push(held);
  return {
    unpack: (who) => {
      throw goneError(who);
    },
    held: () => [],
    release: () => {},
  };
}

function checkLooks(wanted: readonly Look[], caught: readonly Held[]): void {
  const at = wanted.findIndex((look, i) => {
    const t = caught[i]?.tensor;
    return t === undefined || t.dtype !== look.dtype || !sameShape(t.shape, look.shape);
  });
  if (at < 0 && wanted.length === caught.length) return;
  const show = (look: Look | undefined): string =>
    look === undefined ? "nothing" : `${look.dtype} ${showShape(look.shape)}`;
  const what =
    at < 0
      ? `${wanted.length} tensors were saved the first time, ${caught.length} the second`
      : `saved tensor ${at} was ${show(wanted[at])} the first time, ${show(caught[at]?.tensor)} the second`;
  throw new AutogradError(
    `checkpoint: ${what}. The function has to compute the same from the same inputs and random numbers.`,
    { saved: wanted.length, again: caught.length },
  );
}

/** Number `index` of what a part saves. */
class Again implements Packed {
  readonly #part: Pick<Part<never, unknown>, "held" | "take" | "done">;
  readonly #index: number;
  #given: Held | undefined;
  #released = false;

  constructor(part: Pick<Part<never, unknown>, "held" | "take" | "done">, index: number) {
    this.#part = part;
    this.#index = index;
  }

  /** Lives in the scope of who asks: a node may ask twice, another walk through the graph computes once more. */
  unpack(who: string): Tensor {
    if (this.#released) throw goneError(who);
    if (this.#given === undefined || this.#given.tensor.disposed) {
      const caught = this.#part.take(this.#index);
      try {
        this.#given = new Held(caught.unpack(who));
      } finally {
        caught.release();
      }
    }
    return this.#given.unpack(who);
  }
  held(): readonly Tensor[] {
    return this.#part.held();
  }
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#given?.release();
    this.#part.done(this.#index);
  }
}

// ── inputs: tensors, arrays of them, and values that only pass through ──────────────────────────────────────────────

type Saved = { readonly tensor: SavedTensor } | { readonly items: readonly Saved[] } | { readonly value: unknown };

function save(value: unknown): Saved {
  if (value instanceof Tensor) return { tensor: new SavedTensor(value) };
  return Array.isArray(value) ? { items: value.map(save) } : { value };
}
function unpack(saved: Saved): unknown {
  if ("tensor" in saved) return saved.tensor.unpack("checkpoint");
  return "items" in saved ? saved.items.map(unpack) : saved.value;
}
function heldBy(saved: Saved): readonly Tensor[] {
  if ("tensor" in saved) return saved.tensor.held();
  return "items" in saved ? saved.items.flatMap(heldBy) : [];
}
function release(saved: Saved): void {
  if ("tensor" in saved) saved.tensor.release();
  else if ("items" in saved) saved.items.forEach(release);
}
