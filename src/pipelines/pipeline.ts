// From a task's name to its pipeline: a literal table, each entry loaded when it is needed.

import { UnsupportedError } from "../base/errors.ts";
import type { SummarizationPipeline } from "./summarization.ts";

export interface Pipelines {
  readonly summarization: SummarizationPipeline;
}
export type Task = keyof Pipelines;

const tasks: { readonly [task in Task]: (folder: string) => Promise<Pipelines[task]> } = {
  summarization: async (folder) => (await import("./summarization.ts")).loadSummarization(folder),
};

/** A model's folder as a function of texts: `const summarize = await pipeline("summarization", "runs/summarizer")`. */
export async function pipeline<T extends Task>(task: T, folder: string): Promise<Pipelines[T]> {
  if (!Object.hasOwn(tasks, task)) {
    throw new UnsupportedError(`pipeline: no task "${task}"; there are ${Object.keys(tasks).join(", ")}.`, { task });
  }
  return tasks[task](folder);
}
