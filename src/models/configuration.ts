// A model's configuration: plain fields here in camelCase, in `config.json` in Hugging Face's spelling.

import { CheckpointError } from "../base/errors.ts";
import { camelCase, snakeCase } from "../base/spelling.ts";

/** What every configuration has. Fields that we do not know are kept and written back. */
export interface PretrainedConfig {
  /** Which architecture; `auto.ts` holds the table. */
  readonly modelType: string;
  /** Class names, the one that wrote the weights first. */
  readonly architectures?: readonly string[];
}

/**
 * The fields of a `config.json`; `file` is for the messages. `modelTypeOf` guesses the type of a file of the first releases, which does
 * not name it, from the class that wrote the weights.
 */
export function parseConfig(
  json: unknown,
  file: string,
  modelTypeOf: (architecture: string | undefined) => string | undefined = () => undefined,
): PretrainedConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new CheckpointError(`${file}: a model's configuration is a JSON object.`, { file });
  }
  const fields: Record<string, unknown> = respell(json, camelCase, snakeCase);
  fields.modelType ??= modelTypeOf((fields.architectures as readonly string[] | undefined)?.[0]);
  if (typeof fields.modelType !== "string") {
    throw new CheckpointError(`${file}: it has no "model_type", which names the architecture.`, { file });
  }
  return fields as unknown as PretrainedConfig; // its one required field is checked
}

/** The JSON text of a configuration. */
export function formatConfig(config: PretrainedConfig): string {
  const text = JSON.stringify(respell(config, snakeCase, camelCase), null, 2);
  return `${text.replaceAll(/^( {2}"(\w+)": -?\d+)(,?)$/gm, (line, field: string, name: string, comma: string) => (floats.has(name) ? `${field}.0${comma}` : line))}\n`;
}

/** Fields in which Python takes no whole number without a point. */
const floats: ReadonlySet<string> = new Set([
  "initializer_range",
  "initializer_cutoff_factor",
  "initializer_factor",
  "init_std",
  "layer_norm_eps",
  "layer_norm_epsilon",
  "norm_eps",
  "rms_norm_eps",
  "rope_theta",
]);

/** Fields in another spelling, those left alone that would not come back. What is in them is data: labels, other models' words. */
function respell(
  fields: object,
  there: (name: string) => string,
  back: (name: string) => string,
): Record<string, unknown> {
  const spell = (name: string): string => (back(there(name)) === name ? there(name) : name);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [spell(name), value]));
}

/** What a field may hold. */
export interface FieldKind {
  readonly wanted: string;
  readonly holds: (value: unknown) => boolean;
}

export const size: FieldKind = {
  wanted: "a whole number of at least 1",
  holds: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
};
export const probability: FieldKind = {
  wanted: "a number from 0 to below 1",
  holds: (value) => typeof value === "number" && value >= 0 && value < 1,
};
export const flag: FieldKind = { wanted: "true or false", holds: (value) => typeof value === "boolean" };

export function oneOf(...words: readonly string[]): FieldKind {
  return { wanted: words.join(" or "), holds: (value) => typeof value === "string" && words.includes(value) };
}
/** The id of a token. */
export function idBelow(vocabSize: number): FieldKind {
  return {
    wanted: `a whole number from 0 to below the vocabulary's size of ${vocabSize}`,
    holds: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < vocabSize,
  };
}

/** Throws for the first field that does not hold what it should; `file` is for the message. */
export function checkFields<C extends PretrainedConfig>(
  config: C,
  kinds: { readonly [field in keyof C]?: FieldKind },
  file: string,
): void {
  for (const [field, kind] of Object.entries<FieldKind | undefined>(kinds)) {
    const value = config[field as keyof C]; // kinds has only fields of C
    if (kind === undefined || kind.holds(value)) continue;
    throw new CheckpointError(
      `${file}: "${snakeCase(field)}" is ${JSON.stringify(value)}; it must be ${kind.wanted}.`,
      { file, field, value },
    );
  }
}
