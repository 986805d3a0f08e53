// Rows of data.

export { readJsonl, streamJsonl } from "#runtime/data/jsonl";
export type { JsonlOptions, JsonlRow, JsonObject } from "./data/jsonl.ts";
