// A model's configuration: plain fields here in camelCase, in `config.json` in Hugging Face's spelling.

import { CheckpointError } from "../base/errors.ts";
import { camelCase, mapKeys, snakeCase } from "../base/spelling.ts";

/** What every configuration has. Fields that we do not know are kept and written back. */
export interface PretrainedConfig {
  /** Which architecture; `auto.ts` holds the table. */
  readonly modelType: string;
  /** Class names, the one that wrote the weights first. */
  readonly architectures?: readonly string[];
}

/** The fields of a `config.json`; `file` is for the messages. */
export function parseConfig(json: unknown, file: string): PretrainedConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new CheckpointError(`${file}: a model's configuration is a JSON object.`, { file });
  }
  const fields = mapKeys(json, camelCase) as Record<string, unknown>; // an object in, an object out
  if (typeof fields.modelType !== "string") {
    throw new CheckpointError(`${file}: it has no "model_type", which names the architecture.`, { file });
  }
  return fields as unknown as PretrainedConfig; // its one required field is checked
}

/** The JSON text of a configuration. */
export function formatConfig(config: PretrainedConfig): string {
  return `${JSON.stringify(mapKeys(config, snakeCase), null, 2)}\n`;
}

type Kind = "whole" | "share" | "boolean" | readonly string[];

/** Checks fields by kind: whole numbers of at least 1, numbers from 0 to 1, booleans, or one of some words. */
export function checkFields(config: PretrainedConfig, kinds: Readonly<Record<string, Kind>>, file: string): void {
  const fields = config as unknown as Readonly<Record<string, unknown>>; // read by name
  for (const [name, kind] of Object.entries(kinds)) {
    const value = fields[name];
    const ok =
      kind === "whole"
        ? Number.isInteger(value) && (value as number) >= 1
        : kind === "share"
          ? typeof value === "number" && value >= 0 && value < 1
          : kind === "boolean"
            ? typeof value === "boolean"
            : typeof value === "string" && kind.includes(value);
    if (!ok) {
      const wanted =
        kind === "whole" ? "a whole number of at least 1" : kind === "share" ? "a number from 0 to 1" : kind === "boolean" ? "true or false" : kind.join(" or ");
      throw new CheckpointError(`${file}: "${snakeCase(name)}" is ${JSON.stringify(value)}; it must be ${wanted}.`, { file, field: name, value });
    }
  }
}
