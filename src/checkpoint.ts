// Files of tensors.

export { readSafetensors, type SafetensorsEntry, safetensorsName, writeSafetensors } from "./checkpoint/safetensors.ts";
