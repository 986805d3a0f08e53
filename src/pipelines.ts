// Tasks as functions of texts.

export { type Pipelines, pipeline, type Task } from "./pipelines/pipeline.ts";
export {
  type SummarizationOptions,
  type SummarizationPipeline,
  type Summary,
  summarization,
} from "./pipelines/summarization.ts";
