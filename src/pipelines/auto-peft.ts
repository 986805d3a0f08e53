// A folder with an adapter in place of a model: `adapter_config.json` names the base model, which is loaded and the adapter put on. PEFT's
// names; `pipeline()` takes such folders everywhere.
//
//   const model = await AutoPeftModelForSequenceClassification.fromPretrained("runs/adapter");

import { CheckpointError } from "../base/errors.ts";
import { loadTensors } from "../checkpoint/load.ts";
import { readBytes } from "../checkpoint/source.ts";
import type { Folder } from "../checkpoint/weight-files.ts";
import { type PretrainedOptions, pretrainedOptions } from "../hub/pretrained-folder.ts";
import {
  type AutoClass,
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from "../models/auto.ts";
import { parseConfig } from "../models/configuration.ts";
import { openFiles } from "../models/pretrained-files.ts";
import type { FromPretrainedOptions } from "../models/pretrained-transformer.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import { PeftModel } from "../peft/peft-model.ts";

type Labels = Pick<FromPretrainedOptions, "numLabels" | "id2label" | "label2id" | "problemType">;

const adapterFiles = (paths: readonly string[]): string[] => {
  if (!paths.includes("adapter_config.json")) return [];
  return paths.filter(
    (path) => path === "config.json" || /^adapter_(config\.json|model\.(safetensors|bin))$/.test(path),
  );
};

/** The folder of an adapter by its name or place; undefined where something else is there. */
async function adapterFolder(name: string, options: PretrainedOptions): Promise<Folder | undefined> {
  // Of a model's repository nothing is fetched here, so that nothing of it is kept either.
  const folder = await openFiles(name, adapterFiles, pretrainedOptions(options)).catch(() => undefined);
  return folder?.has("adapter_config.json") === true ? folder : undefined;
}

/** The name of the base model that an adapter says it is for. */
async function baseOf(folder: Folder): Promise<string> {
  const { base_model_name_or_path: base } = (await folder.readJson("adapter_config.json")) as Readonly<
    Record<string, unknown>
  >; // read by name
  if (typeof base === "string" && base !== "") return base;
  throw new CheckpointError(
    `${folder.path}/adapter_config.json: it has no "base_model_name_or_path". Load the base model, then PeftModel.fromPretrained(model, folder).`,
    { folder: folder.path },
  );
}

/** What the head is for: as a `config.json` beside the adapter says, or as wide as the head that was saved with it. */
async function labelsOf(folder: Folder): Promise<Labels> {
  if (folder.has("config.json")) {
    const config = parseConfig(await folder.readJson("config.json"), `${folder.path}/config.json`);
    const { id2label, label2id, problemType } = config as Labels & { readonly id2label?: Labels["id2label"] }; // checked where they are used
    return {
      ...(id2label !== undefined && { id2label }),
      ...(label2id !== undefined && { label2id }),
      ...(problemType !== undefined && { problemType }),
    };
  }
  const name = ["adapter_model.safetensors", "adapter_model.bin"].find((file) => folder.has(file));
  if (name === undefined) return {};
  const source = await folder.open(name);
  try {
    const tensors = await loadTensors(await readBytes(source, 0, source.size));
    const numLabels = [...tensors].filter(([key]) => /\.(classifier|score)(\.out_proj)?\.weight$/.test(key)).at(-1)?.[1]
      .shape[0];
    for (const t of tensors.values()) t.dispose();
    return numLabels === undefined ? {} : { numLabels };
  } finally {
    await source.close();
  }
}

/** What `auto` loads from a name; of an adapter's folder its base model with the adapter in it, frozen, in evaluation mode. */
export async function loadAdapted<M extends AnyModule>(
  auto: AutoClass<M>,
  name: string,
  options: FromPretrainedOptions = {},
): Promise<M> {
  const folder = await adapterFolder(name, options);
  return folder === undefined ? auto.fromPretrained(name, options) : bareModel(await putOn(auto, folder, options));
}

async function putOn<I, R>(
  auto: AutoClass<Module<[inputs: I], R>>,
  folder: Folder,
  { base, ...options }: FromPretrainedOptions & { readonly base?: string; readonly isTrainable?: boolean },
): Promise<PeftModel<[inputs: I], R>> {
  const from = base ?? (await baseOf(folder));
  // The head that is missing from the base comes with the adapter.
  const quiet = { onWarning: () => {}, ignoreMismatchedSizes: true };
  const { isTrainable = false, ...own } = options as FromPretrainedOptions & { readonly isTrainable?: boolean };
  const model = await auto.fromPretrained(from, { ...quiet, ...(await labelsOf(folder)), ...own });
  return PeftModel.fromPretrained(model, folder.path, { isTrainable });
}

export interface AutoPeftClass<I, R> {
  /** An adapter's folder or repository on its base model. `isTrainable`: to train it further. Throws CheckpointError where there is no adapter. */
  fromPretrained(
    name: string,
    options?: FromPretrainedOptions & { readonly base?: string; readonly isTrainable?: boolean },
  ): Promise<PeftModel<[inputs: I], R>>;
}

function autoPeft<I, R>(auto: AutoClass<Module<[inputs: I], R>>): AutoPeftClass<I, R> {
  return {
    async fromPretrained(name, options = {}) {
      const folder = await adapterFolder(name, options);
      if (folder !== undefined) return putOn(auto, folder, options);
      throw new CheckpointError(`${name}: it has no adapter_config.json; the AutoModel classes load models.`, { name });
    },
  };
}

type InputsOf<A> = A extends AutoClass<infer M> ? (M extends { forward(inputs: infer I): unknown } ? I : never) : never;
type OutputOf<A> = A extends AutoClass<infer M> ? (M extends { forward(inputs: never): infer R } ? R : never) : never;
type Adapted<A> = AutoPeftClass<InputsOf<A>, OutputOf<A>>;

export const AutoPeftModel: Adapted<typeof AutoModel> = autoPeft(AutoModel);
export const AutoPeftModelForMaskedLM: Adapted<typeof AutoModelForMaskedLM> = autoPeft(AutoModelForMaskedLM);
export const AutoPeftModelForSequenceClassification: Adapted<typeof AutoModelForSequenceClassification> = autoPeft(
  AutoModelForSequenceClassification,
);
export const AutoPeftModelForTokenClassification: Adapted<typeof AutoModelForTokenClassification> = autoPeft(
  AutoModelForTokenClassification,
);
export const AutoPeftModelForQuestionAnswering: Adapted<typeof AutoModelForQuestionAnswering> =
  autoPeft(AutoModelForQuestionAnswering);

/** A model out of a PeftModel: the base with its adapters acting, which pipelines take. */
export function bareModel<M extends AnyModule>(model: AnyModule | PeftModel): M {
  return (model instanceof PeftModel ? model.model : model) as M; // the model that the adapter was put on
}
