// Names of classes and their numbers, as a model's configuration has them.

import { ArgumentError } from "../../base/errors.ts";
import type { LabelConfig } from "../../models/encoder-config.ts";

/** `fromPretrained` and configurations take it: `AutoModelFor….fromPretrained(name, labelMap(["no", "yes"]))`. */
export type LabelMap = Pick<LabelConfig, "numLabels" | "id2label" | "label2id">;

/** Each name with its place as its number. Throws ArgumentError where there is none, or one twice. */
export function labelMap(names: readonly string[]): LabelMap {
  if (names.length === 0) throw new ArgumentError("labelMap: there are no labels.", {});
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new ArgumentError(`labelMap: the label "${twice}" occurs twice.`, { label: twice });
  return {
    numLabels: names.length,
    id2label: Object.fromEntries(names.map((name, id) => [String(id), name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
  };
}

/** The names of a configuration by their numbers. */
export function labelNames({ id2label, numLabels }: Pick<LabelConfig, "id2label" | "numLabels">): string[] {
  return Array.from({ length: numLabels }, (_, id) => id2label[id] ?? `LABEL_${id}`);
}

/** The number of a label. Throws ArgumentError for one that the model does not have; `place` begins the message. */
export function labelId({ label2id }: Pick<LabelConfig, "label2id">, label: string, place: string): number {
  const id = Object.hasOwn(label2id, label) ? label2id[label] : undefined;
  if (id !== undefined) return id;
  const known = Object.keys(label2id);
  const shown = known.slice(0, 20).map((name) => `"${name}"`);
  throw new ArgumentError(
    `${place}: the label "${label}" is not among ${shown.join(", ")}${known.length > shown.length ? ", …" : ""}.`,
    { label, known },
  );
}

/** What a checkpoint's own head says: its labels, unless they are only numbered; undefined where it has no such head. */
export function labelsOfHead(
  config: { readonly architectures?: readonly string[] } & Partial<LabelConfig>,
  head: string,
): { readonly names: readonly string[] | undefined; readonly numLabels: number } | undefined {
  if (config.architectures?.some((name) => name.endsWith(head)) !== true || config.id2label === undefined)
    return undefined;
  const names = Object.values(config.id2label);
  const isNamed = !names.every((name) => /^LABEL_\d+$/.test(name));
  return { names: isNamed ? names : undefined, numLabels: names.length };
}

/**
 * The labels to train with: those of the checkpoint's head where they are the data's, in the head's order; otherwise the data's. Throws
 * ArgumentError for a head with other labels, unless a new one is to be drawn (`ignoreMismatchedSizes`).
 */
export function fittingLabels(
  names: readonly string[],
  head: ReturnType<typeof labelsOfHead>,
  { ignoreMismatchedSizes = false }: { readonly ignoreMismatchedSizes?: boolean } = {},
): LabelMap {
  if (head === undefined || ignoreMismatchedSizes) return labelMap(names);
  const { names: own, numLabels } = head;
  if (own !== undefined && names.every((name) => own.includes(name))) return labelMap(own);
  if (own === undefined && numLabels === names.length) return labelMap(names);
  const described = own === undefined ? `${numLabels} labels` : `the labels ${own.join(", ")}`;
  throw new ArgumentError(
    `the model's head is for ${described}; the data has ${names.length}: ${names.slice(0, 20).join(", ")}. ` +
      "Set ignoreMismatchedSizes (--ignore-mismatched-sizes) to draw a new head.",
    { head: own ?? numLabels, labels: names },
  );
}
