// CamemBERT: RoBERTa in French. https://arxiv.org/abs/1911.03894

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
const modelType: ModelType = "camembert";

/** Ids to hidden states. */
export class CamembertModel extends RobertaModel {
  static override readonly modelType: ModelType = modelType;
}
/** Words for masked places. */
export class CamembertForMaskedLM extends RobertaForMaskedLM {
  static override readonly modelType: ModelType = modelType;
}
/** Classes, labels or numbers for whole texts. */
export class CamembertForSequenceClassification extends RobertaForSequenceClassification {
  static override readonly modelType: ModelType = modelType;
}
/** A class for each token. */
export class CamembertForTokenClassification extends RobertaForTokenClassification {
  static override readonly modelType: ModelType = modelType;
}
/** Where in a text the answer begins and ends. */
export class CamembertForQuestionAnswering extends RobertaForQuestionAnswering {
  static override readonly modelType: ModelType = modelType;
}
/** One of several texts. */
export class CamembertForMultipleChoice extends RobertaForMultipleChoice {
  static override readonly modelType: ModelType = modelType;
}
