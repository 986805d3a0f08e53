// Which of Hugging Face's tokenizer classes a folder without a tokenizer.json wants, by `tokenizer_class` or `model_type`.

/** The classes that are made here; each stands for those that do the same under other names. */
const classes = {
  BertTokenizer:
    "bert distilbert electra mobilebert convbert layoutlm lxmert squeezebert megatron-bert ernie nomic_bert blip visual_bert dpr retribert chinese_clip",
  MPNetTokenizer: "mpnet",
  GPT2Tokenizer: "gpt2 gpt_neo gptj opt phi codegen starcoder2 jais2",
  RobertaTokenizer: "roberta bart longformer led roberta-prelayernorm data2vec-text mvp bridgetower lilt",
  Qwen2Tokenizer: "qwen2 qwen2_moe qwen2_vl qwen2_5_vl qwen3 qwen3_moe qwen3_vl internvl",
  LlamaTokenizer: "llama code_llama idefics idefics2",
  GemmaTokenizer: "gemma gemma2 gemma3 gemma3_text gemma3n recurrent_gemma shieldgemma2 t5gemma",
  T5Tokenizer: "t5 mt5 switch_transformers musicgen",
  XLMRobertaTokenizer: "xlm-roberta xmod gte trocr metaclip_2",
  CamembertTokenizer: "camembert",
  AlbertTokenizer: "albert yoso",
  DebertaV2Tokenizer: "deberta-v2",
  MBartTokenizer: "mbart",
  PegasusTokenizer: "pegasus",
  XLNetTokenizer: "xlnet",
  MarianTokenizer: "marian",
} as const;

/** `TokenizersBackend` is made from a SentencePiece model alone, as that says. */
export type TokenizerClass = keyof typeof classes | "TokenizersBackend";

/** Classes under other names. */
const aliases: { readonly [name: string]: TokenizerClass } = {
  PreTrainedTokenizer: "TokenizersBackend",
  PreTrainedTokenizerFast: "TokenizersBackend",
  TokenizersBackend: "TokenizersBackend",
  ...Object.fromEntries(
    "DistilBert Electra MobileBert ConvBert LayoutLM Lxmert SqueezeBert DPRQuestionEncoder DPRContextEncoder DPRReader Retribert"
      .split(" ")
      .map((name) => [`${name}Tokenizer`, "BertTokenizer"]),
  ),
  ...Object.fromEntries("Bart Longformer LED Mvp".split(" ").map((name) => [`${name}Tokenizer`, "RobertaTokenizer"])),
  CodeGenTokenizer: "GPT2Tokenizer",
  MT5Tokenizer: "T5Tokenizer",
};

const byName: ReadonlyMap<string, TokenizerClass> = new Map([
  ...Object.entries(aliases),
  ...Object.keys(classes).map((name) => [name, name] as [string, keyof typeof classes]), // they are its keys
]);
const byModel: ReadonlyMap<string, TokenizerClass> = new Map(
  Object.entries(classes).flatMap(([name, models]) =>
    models.split(" ").map((model) => [model, name] as [string, keyof typeof classes]),
  ),
);

/** The class of that name, with or without "Fast"; undefined if it is not made here. */
export function tokenizerClass(name: string): TokenizerClass | undefined {
  return byName.get(name) ?? byName.get(name.replace(/Fast$/, ""));
}

/** The class that models of that type have. */
export function tokenizerClassOfModel(modelType: string): TokenizerClass | undefined {
  return byModel.get(modelType);
}

export const tokenizerClasses: readonly string[] = Object.keys(classes);
