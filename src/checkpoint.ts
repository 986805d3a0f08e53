// Files of tensors.

export { save } from "#runtime/checkpoint/save-file";
export { type LoadOptions, load, loadTensors } from "./checkpoint/load.ts";
export { openSafetensors } from "./checkpoint/open-safetensors.ts";
export type { RawTensor } from "./checkpoint/place.ts";
export { readSafetensors, type SafetensorsEntry, safetensorsName, writeSafetensors } from "./checkpoint/safetensors.ts";
export type { SafetensorsReader } from "./checkpoint/safetensors-reader.ts";
export { type FileFormat, type SaveOptions, saveBytes } from "./checkpoint/save.ts";
export type { FileSource } from "./checkpoint/source.ts";
export type { Value } from "./checkpoint/torch-values.ts";
