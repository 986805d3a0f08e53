// The errors that a person meets. Each says the operation, what came, what was wanted and what to try, and keeps the
// facts as fields so that a program can act on them. They are thrown before anything is allocated or written.

/** Facts that an error carries beside its message. */
export type Facts = Readonly<Record<string, unknown>>;

/** The root of every error that Kindling throws on purpose. */
export class KindlingError extends Error {
  readonly facts: Facts;
  constructor(message: string, facts: Facts = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.facts = facts;
  }
}

/** Sizes do not fit the operation. */
export class ShapeError extends KindlingError {}

/** A dtype that the operation does not take, or a mixture without a promotion. */
export class DTypeError extends KindlingError {}

/** An index outside its dimension. */
export class IndexError extends KindlingError {}

/** The engine could not do what was asked: out of memory, a missing feature, a lost worker. */
export class DeviceError extends KindlingError {}

/** A tensor used after it was disposed, or changed in place while autograd still needed it. */
export class LifetimeError extends KindlingError {}

/** Autograd was asked for something that its graph cannot give. */
export class AutogradError extends KindlingError {}

/** A checkpoint, config or tokenizer file that is missing, torn, tampered with or made for something else. */
export class CheckpointError extends KindlingError {}

/** A row, line or file of data that cannot be used; `facts` name the file and the line. */
export class DataError extends KindlingError {}

/** An argument out of its range: a batch size of 0, a negative learning rate. */
export class ArgumentError extends KindlingError {}

/** Training met a NaN or infinite loss. */
export class NonFiniteError extends KindlingError {}

/** A thing PyTorch or Hugging Face has that is not here (yet); the message says what to use instead. */
export class UnsupportedError extends KindlingError {}
