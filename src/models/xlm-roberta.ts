// XLM-RoBERTa: RoBERTa over a hundred languages. https://arxiv.org/abs/1911.02116

import {
  type RobertaConfig,
  RobertaForMaskedLM,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaModel,
} from "./roberta.ts";

type ModelType = RobertaConfig["modelType"];
const modelType: ModelType = "xlm-roberta";

/** Ids to hidden states. */
export class XLMRobertaModel extends RobertaModel {
  static override readonly modelType: ModelType = modelType;
}
/** Words for masked places. */
export class XLMRobertaForMaskedLM extends RobertaForMaskedLM {
  static override readonly modelType: ModelType = modelType;
}
/** Classes, labels or numbers for whole texts. */
export class XLMRobertaForSequenceClassification extends RobertaForSequenceClassification {
  static override readonly modelType: ModelType = modelType;
}
/** A class for each token. */
export class XLMRobertaForTokenClassification extends RobertaForTokenClassification {
  static override readonly modelType: ModelType = modelType;
}
/** Where in a text the answer begins and ends. */
export class XLMRobertaForQuestionAnswering extends RobertaForQuestionAnswering {
  static override readonly modelType: ModelType = modelType;
}
/** One of several texts. */
export class XLMRobertaForMultipleChoice extends RobertaForMultipleChoice {
  static override readonly modelType: ModelType = modelType;
}
