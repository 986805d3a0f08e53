// Small trained parts on a frozen model.

export type { LoraConfig, TaskType } from "./peft/lora-config.ts";
export { LoraEmbedding, LoraLayer, LoraLinear, ModulesToSave } from "./peft/lora-layer.ts";
export { getPeftModel, PeftModel } from "./peft/peft-model.ts";
