// Tasks as functions of texts.

export {
  type AutoPeftClass,
  AutoPeftModel,
  AutoPeftModelForMaskedLM,
  AutoPeftModelForQuestionAnswering,
  AutoPeftModelForSequenceClassification,
  AutoPeftModelForTokenClassification,
} from "./pipelines/auto-peft.ts";
export type { PipelineCall, PipelineOptions } from "./pipelines/calls.ts";
export { CrossEncoder, type CrossEncoderOptions, type RankedDocument } from "./pipelines/cross-encoder.ts";
export type { FeatureExtractionOptions, FeatureExtractionPipeline } from "./pipelines/feature-extraction.ts";
export type { FilledMask, FillMaskOptions, FillMaskPipeline } from "./pipelines/fill-mask.ts";
export {
  type LoadedModel,
  type ModelSource,
  type PipelineLoadOptions,
  type Pipelines,
  pipeline,
  type Task,
} from "./pipelines/pipeline.ts";
export type { PoolingMode, SentenceModule } from "./pipelines/pooling.ts";
export type {
  Answer,
  Question,
  QuestionAnsweringOptions,
  QuestionAnsweringPipeline,
} from "./pipelines/question-answering.ts";
export {
  type SearchHit,
  type SemanticSearchOptions,
  type Similarity,
  semanticSearch,
} from "./pipelines/semantic-search.ts";
export {
  evaluatePairs,
  multipleNegativesRankingLoss,
  type RetrievalScores,
  retrievalScores,
  type SentenceFeature,
  type SentencePair,
  SentenceTransformerTrainer,
  type SentenceTransformerTrainerOptions,
} from "./pipelines/sentence-training.ts";
export {
  type SentenceEncodeOptions,
  SentenceTransformer,
  type SentenceTransformerParts,
} from "./pipelines/sentence-transformer.ts";
export {
  type SummarizationOptions,
  type SummarizationPipeline,
  type Summary,
  summarization,
} from "./pipelines/summarization.ts";
export type {
  Classification,
  TextClassificationOptions,
  TextClassificationPipeline,
  TextOrPair,
} from "./pipelines/text-classification.ts";
export type {
  AggregationStrategy,
  Entity,
  TokenClassificationOptions,
  TokenClassificationPipeline,
} from "./pipelines/token-classification.ts";
export type {
  ZeroShotClassification,
  ZeroShotClassificationPipeline,
  ZeroShotOptions,
} from "./pipelines/zero-shot-classification.ts";
