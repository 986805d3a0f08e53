// Registered functions, and the handles that end a registration.

/** Ends a registration: by a call, by `remove()`, or at the end of a `using` block. Ending it twice is ending it once. */
export interface RemovableHandle {
  (): void;
  remove(): void;
  [Symbol.dispose](): void;
}

/** One registration; the same function may be registered several times. */
export interface Registered<H> {
  readonly hook: H;
}

/** Adds `entry` at the end of `list`, or in front of it. */
export function register<E>(list: E[], entry: E, prepend = false): RemovableHandle {
  if (prepend) list.unshift(entry);
  else list.push(entry);
  const remove = (): void => {
    const at = list.indexOf(entry);
    if (at >= 0) list.splice(at, 1);
  };
  return Object.assign(() => remove(), { remove, [Symbol.dispose ?? Symbol.for("Symbol.dispose")]: remove });
}
