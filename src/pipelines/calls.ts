// How every pipeline is called: with one input, with a list, or with anything that can be iterated, whose results come as they
// are ready.

import { ArgumentError } from "../base/errors.ts";

/** What every pipeline can be told. */
export interface PipelineOptions {
  /** Inputs that the model sees together; those of like length share a batch. Default 16. */
  readonly batchSize?: number;
  /** Ends the work between two batches; the promise is rejected with its reason. */
  readonly signal?: AbortSignal;
  /** Called after each batch with what is done of what is known: texts, or windows of texts, or pairs, whatever the model reads. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A pipeline whose result for one input does not depend on how it is called. */
export interface PipelineCall<Input, Result, Options extends PipelineOptions = PipelineOptions> {
  (input: Input, options?: Options): Promise<Result>;
  (inputs: readonly Input[], options?: Options): Promise<Result[]>;
  /** Results in the order of the inputs, of which only some batches are held. */
  (inputs: AsyncIterable<Input> | Generator<Input>, options?: Options): AsyncGenerator<Result>;
}

/** Batches of an iterable that are read before the model runs: enough to sort by length, few enough to hold. */
const batchesAhead = 8;

/** A pipeline out of what it does with a list. `name` is for messages, `check` throws for what is no input. */
export function pipelineCall<Input, Result, Options extends PipelineOptions>(
  name: string,
  run: (inputs: readonly Input[], options: Options) => Promise<Result[]>,
  check: (input: unknown, place: string) => void,
): PipelineCall<Input, Result, Options> {
  const checked = async (inputs: readonly Input[], options: Options, from = 0): Promise<Result[]> => {
    checkBatchSize(name, options.batchSize);
    inputs.forEach((input, i) => check(input, `${name}: input ${from + i}`));
    options.signal?.throwIfAborted();
    return run(inputs, options);
  };
  async function* streamed(inputs: AsyncIterable<Input> | Iterable<Input>, options: Options): AsyncGenerator<Result> {
    checkBatchSize(name, options.batchSize);
    const window = (options.batchSize ?? defaultBatchSize) * batchesAhead;
    let waiting: Input[] = [];
    let done = 0;
    let reported = 0; // of the batches before
    const { onProgress } = options;
    const told = (): Options => {
      if (onProgress === undefined) return options;
      const before = reported;
      return {
        ...options,
        onProgress: (n: number, total: number) => {
          reported = before + n;
          onProgress(reported, before + total);
        },
      };
    };
    for await (const input of inputs) {
      waiting.push(input);
      if (waiting.length < window) continue;
      yield* await checked(waiting, told(), done);
      done += waiting.length;
      waiting = [];
    }
    if (waiting.length > 0) yield* await checked(waiting, told(), done);
  }
  const call = (input: unknown, options: Options = {} as Options): unknown => {
    if (Array.isArray(input)) return checked(input as Input[], options); // each is checked
    if (isIterable(input)) return streamed(input as AsyncIterable<Input>, options); // each is checked
    return checked([input as Input], options).then(([result]) => result); // checked before it is used
  };
  return call as PipelineCall<Input, Result, Options>; // the branches above are its signatures
}

export const defaultBatchSize = 16;

/** Throws unless it is a whole number of at least 1. */
export function checkBatchSize(name: string, batchSize: number = defaultBatchSize): void {
  if (Number.isInteger(batchSize) && batchSize >= 1) return;
  throw new ArgumentError(`${name}: batchSize is ${batchSize}; it is a whole number of at least 1.`, { batchSize });
}

function isIterable(input: unknown): boolean {
  return typeof input === "object" && input !== null && (Symbol.iterator in input || Symbol.asyncIterator in input);
}

/** Throws unless the input is a text with something in it. */
export function checkText(input: unknown, place: string): void {
  if (typeof input !== "string")
    throw new ArgumentError(`${place} is ${input === null ? "null" : typeof input}; wants a text.`, { place });
}
