// The place of the largest number in plain JavaScript, for the few numbers of a prediction.

/** The first place of the largest number; NaN is larger than none. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
