// The bridge between our spelling and the one in files: `hiddenSize` here is `hidden_size` there.

/** `weightIhL0Reverse` → `weight_ih_l0_reverse` */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/** `hidden_size` → `hiddenSize` */
export function camelCase(name: string): string {
  return name.replace(/(?<=[a-zA-Z0-9])_+([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}

/** Keys of plain objects, at every depth, in the other spelling. */
export function mapKeys(value: unknown, spell: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((v) => mapKeys(v, spell));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [spell(k), mapKeys(v, spell)]));
}
