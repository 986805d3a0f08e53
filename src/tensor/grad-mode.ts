// Whether operations are being recorded.

let enabled = true;

export function isGradEnabled(): boolean {
  return enabled;
}

/** Sets the mode and returns the one before; prefer `noGrad` and `enableGrad`. */
export function setGradEnabled(value: boolean): boolean {
  const before = enabled;
  enabled = value;
  return before;
}

function withMode<T>(value: boolean, body: () => T): T {
  const before = setGradEnabled(value);
  try {
    return body();
  } finally {
    setGradEnabled(before);
  }
}

/** Runs `body` without recording; its results need no gradient. The body is synchronous. */
export function noGrad<T>(body: () => T): T {
  return withMode(false, body);
}

/** Runs `body` with recording on, also inside `noGrad`. */
export function enableGrad<T>(body: () => T): T {
  return withMode(true, body);
}
