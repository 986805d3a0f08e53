// Values as Python writes them, for printing modules as PyTorch does.

export function pyBool(value: boolean): string {
  return value ? "True" : "False";
}

/** A float's shortest form: `0.1`, `1.0`, `1e-05`. */
export function pyFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16)) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (Number.isInteger(value)) return `${Object.is(value, -0) ? "-0" : value}.0`;
  return power < -6 ? value.toFixed(-power + digits.replace(/\D/g, "").length - 1) : String(value);
}

/** A tuple: `(8,)`, `(2, 8)`. */
export function pyTuple(values: readonly number[]): string {
  return values.length === 1 ? `(${values[0]},)` : `(${values.join(", ")})`;
}
