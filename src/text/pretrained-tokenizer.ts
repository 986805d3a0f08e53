// The tokenizer as Hugging Face's models know it: it is called like a function, pads and truncates, knows which of its
// tokens begin, end and fill a text, and is kept in tokenizer.json and tokenizer_config.json.
//
//   tokenizer(["a text", "another one"], { padding: true, truncation: true })   →   { inputIds, attentionMask }

import { ArgumentError } from "../base/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import {
  type Columns,
  columnsOf,
  labelled,
  type OverflowingRows,
  padRows,
  type Row,
  type Rows,
  rowOf,
  rowsOf,
} from "./batch.ts";
import { Bpe } from "./bpe.ts";
import {
  type AnyOptions,
  type AnyText,
  checkTarget,
  encodeOptions,
  isOneText,
  type TokenizerCall,
  type TokenizerCallOptions,
  targetOptions,
} from "./call-options.ts";
import type { ApplyChatTemplate, Chat, ChatOptions } from "./chat-template.ts";
import type { ChatTemplates } from "./chat-template-files.ts";
import { isObject, type JsonObject } from "./fields.ts";
import { type RetrainOptions, renaming, retrained } from "./retrain.ts";
import type { DecodeOptions, EncodeOptions, Tokenizer } from "./tokenizer.ts";
import type { TrainingText } from "./train-words.ts";
import type { Side } from "./truncation.ts";

export type { TokenizerCall, TokenizerCallOptions };

type Words = readonly string[];

/** A base whose instances are functions: calling one calls its `encodeRows`. */
const Callable: new () => TokenizerCall = class {
  constructor() {
    const self: PreTrainedTokenizer = Object.setPrototypeOf(
      (text: AnyText | undefined, options?: AnyOptions) => self.encodeRows(text, options),
      new.target.prototype,
    );
    // biome-ignore lint/correctness/noConstructorReturn: returning the function is what makes it callable
    return self;
  }
} as unknown as new () => TokenizerCall; // the class itself cannot say that its instances are functions

/** The tokens that have a part to play; each is null until it is given. */
export const roles = ["bosToken", "eosToken", "unkToken", "sepToken", "padToken", "clsToken", "maskToken"] as const;
export type SpecialTokens = { [role in (typeof roles)[number]]?: string | AddedToken };

export type PreTrainedTokenizerOptions = SpecialTokens & {
  /** The longest input that the model takes, in tokens. */
  modelMaxLength?: number;
  paddingSide?: Side;
  truncationSide?: Side;
  /** What the model takes, in Hugging Face's spelling; with "token_type_ids" a call returns `tokenTypeIds`. */
  modelInputNames?: readonly string[];
  padTokenTypeId?: number;
  cleanUpTokenizationSpaces?: boolean;
  /** Special tokens without a part of their own. */
  extraSpecialTokens?: readonly (string | AddedToken)[];
  /** How a chat is written as a text: a template in Jinja, or several by name. */
  chatTemplate?: ChatTemplates | null;
  /** The code of the language of texts, as `en_XX`; for tokenizers of translation models with many. */
  srcLang?: string;
  /** That of `textTarget`; the same by default. */
  tgtLang?: string;
  /** Kept and written back: what tokenizer_config.json holds beside all this. */
  config?: JsonObject;
};

/** Files by name: what is JSON, and bytes. */
export type TokenizerFileContents = {
  readonly "tokenizer_config.json": JsonObject;
  readonly [file: string]: JsonObject | Uint8Array;
};

export class PreTrainedTokenizer extends Callable {
  /** The tokenizer underneath, as tokenizer.json describes it. */
  readonly backend: Tokenizer;
  /** The one that encodes `textTarget`: the same, but for models with a vocabulary for each language. */
  readonly targetBackend: Tokenizer;
  bosToken: string | null = null;
  eosToken: string | null = null;
  unkToken: string | null = null;
  sepToken: string | null = null;
  padToken: string | null = null;
  clsToken: string | null = null;
  maskToken: string | null = null;
  modelMaxLength: number;
  paddingSide: Side;
  truncationSide: Side;
  modelInputNames: readonly string[];
  padTokenTypeId: number;
  cleanUpTokenizationSpaces: boolean;
  chatTemplate: ChatTemplates | null;
  readonly #config: JsonObject;

  constructor(backend: Tokenizer, options: PreTrainedTokenizerOptions = {}, targetBackend: Tokenizer = backend) {
    super();
    this.backend = backend;
    this.targetBackend = targetBackend;
    this.modelMaxLength = options.modelMaxLength ?? Number.POSITIVE_INFINITY;
    this.paddingSide = options.paddingSide ?? "right";
    this.truncationSide = options.truncationSide ?? "right";
    this.modelInputNames = options.modelInputNames ?? ["input_ids", "attention_mask"];
    this.padTokenTypeId = options.padTokenTypeId ?? 0;
    this.cleanUpTokenizationSpaces = options.cleanUpTokenizationSpaces ?? false;
    this.chatTemplate = options.chatTemplate ?? null;
    this.#config = options.config ?? {};
    this.addSpecialTokens(options);
  }

  get bosTokenId(): number | null {
    return this.#idOf("bosToken");
  }
  get eosTokenId(): number | null {
    return this.#idOf("eosToken");
  }
  get unkTokenId(): number | null {
    return this.#idOf("unkToken");
  }
  get sepTokenId(): number | null {
    return this.#idOf("sepToken");
  }
  get padTokenId(): number | null {
    return this.#idOf("padToken");
  }
  get clsTokenId(): number | null {
    return this.#idOf("clsToken");
  }
  get maskTokenId(): number | null {
    return this.#idOf("maskToken");
  }

  #idOf(role: keyof SpecialTokens): number | null {
    const token = this[role];
    if (token === null) return null;
    const id = this.backend.tokenToId(token);
    if (id === undefined) {
      throw new ArgumentError(
        `tokenizer.${role}: "${token}" is not in the vocabulary. Add it with addSpecialTokens({ ${role}: "${token}" }), and resize the model's embedding.`,
        { role, token },
      );
    }
    return id;
  }

  /** Tokens in all, the added ones included: the rows that an embedding needs. */
  get vocabSize(): number {
    return this.backend.vocabSize;
  }

  /** Tokens with a part to play, and all others that are marked special. */
  get allSpecialTokens(): string[] {
    const named = roles.map((role) => this[role]).filter((token) => token !== null);
    const marked = [...this.backend.addedTokens.values()]
      .filter((token) => token.special)
      .map((token) => token.content);
    return [...new Set([...named, ...marked])];
  }

  /** Gives tokens their parts, adding those that the vocabulary lacks; returns how many are new. */
  addSpecialTokens(tokens: SpecialTokens & { extraSpecialTokens?: readonly (string | AddedToken)[] }): number {
    const added: AddedToken[] = [];
    const special = (token: string | AddedToken): AddedToken => ({
      ...(typeof token === "string" ? { content: token } : token),
      special: true,
    });
    for (const role of roles) {
      const token = tokens[role];
      if (token === undefined) continue;
      this[role] = special(token).content;
      added.push(special(token));
    }
    for (const token of tokens.extraSpecialTokens ?? []) added.push(special(token));
    const known = new Set(
      [...this.backend.addedTokens.values()].filter((token) => token.special).map((token) => token.content),
    );
    return this.addTokens(added.filter((token) => !known.has(token.content)));
  }

  addTokens(tokens: readonly (string | AddedToken)[]): number {
    if (this.targetBackend !== this.backend) this.targetBackend.addTokens(tokens);
    return this.backend.addTokens(tokens);
  }

  /** What a call does. */
  encodeRows(text: AnyText | undefined, options: AnyOptions = {}): Row | Rows | OverflowingRows {
    const { textTarget, textPair: _pair, ...own } = options;
    if (textTarget === undefined) {
      if (text !== undefined) return this.#rowsBy(this.backend, text, options);
      throw new ArgumentError("tokenizer: there is neither a text nor a textTarget. Pass one of them.");
    }
    checkTarget(text, textTarget, options);
    const target = this.#rowsBy(this.targetBackend, textTarget, targetOptions(own));
    return text === undefined ? target : labelled(this.#rowsBy(this.backend, text, options), target);
  }

  #rowsBy(backend: Tokenizer, text: AnyText, options: AnyOptions): Row | Rows | OverflowingRows {
    const { isSplitIntoWords = false, textPair } = options;
    const isOne = isOneText(text, isSplitIntoWords);
    const texts = (isOne ? [text] : text) as readonly (string | Words)[]; // the signatures of TokenizerCall
    const noPair = textPair === undefined || (isOne && textPair.length === 0); // one text with an empty one is no pair, as in Hugging Face
    const pairs = (noPair ? [] : isOne ? [textPair] : textPair) as readonly (string | Words | undefined)[];
    if (!noPair && pairs.length !== texts.length) {
      throw new ArgumentError(`tokenizer: ${texts.length} texts came with ${pairs.length} in textPair.`, {
        texts: texts.length,
        pairs: pairs.length,
      });
    }
    const encode = encodeOptions(options, this);
    const columns: Columns = {
      tokenTypeIds: options.returnTokenTypeIds ?? this.modelInputNames.includes("token_type_ids"),
      specialTokensMask: options.returnSpecialTokensMask ?? false,
      offsetMapping: options.returnOffsetsMapping ?? false,
      wordIds: options.returnWordIds ?? false,
    };
    const encodings = texts.map((one, i) => {
      if (typeof one !== "string" && !isSplitIntoWords)
        throw new ArgumentError("tokenizer: a text is a string; for lists of words pass { isSplitIntoWords: true }.", {
          at: i,
        });
      const pair = pairs[i];
      return backend.encode(one, pair === undefined ? encode : { ...encode, pair });
    });
    const { returnOverflowingTokens = false, returnLength = false } = options;
    const parts = encodings.map((one) => (returnOverflowingTokens ? [one, ...one.overflowing] : [one]));
    const padded = this.#pad(
      parts.flat().map((one) => rowOf(one, columns)),
      options,
    );
    const rows = returnLength ? padded.map((row) => ({ ...row, length: row.inputIds.length })) : padded;
    if (isOne && rows[0] !== undefined && !returnOverflowingTokens) return rows[0];
    const all = columnsOf(rows);
    return returnOverflowingTokens
      ? { ...all, overflowToSampleMapping: parts.flatMap((of, i) => of.map(() => i)) }
      : all;
  }

  /** Pads rows that were encoded one by one, as a data collator does. */
  pad(
    rows: readonly Row[] | Rows,
    options: Pick<TokenizerCallOptions, "padding" | "maxLength" | "padToMultipleOf" | "paddingSide"> = {},
  ): Rows {
    return columnsOf(this.#pad("inputIds" in rows ? rowsOf(rows) : rows, { padding: true, ...options }));
  }

  #pad(rows: readonly Row[], options: TokenizerCallOptions): readonly Row[] {
    const { padding = false, padToMultipleOf: multipleOf, maxLength = this.modelMaxLength } = options;
    if (padding === false) return rows;
    const id = this.padTokenId;
    if (id === null) {
      throw new ArgumentError(
        'tokenizer: padding needs a padding token. Set tokenizer.padToken = tokenizer.eosToken, or call addSpecialTokens({ padToken: "<pad>" }).',
      );
    }
    if (padding === "maxLength" && maxLength === Number.POSITIVE_INFINITY) {
      throw new ArgumentError(
        'tokenizer: padding: "maxLength" needs maxLength, for the model has no limit of its own.',
      );
    }
    const length = padding === "maxLength" ? maxLength : undefined;
    return padRows(rows, {
      id,
      typeId: this.padTokenTypeId,
      side: options.paddingSide ?? this.paddingSide,
      length,
      multipleOf,
    });
  }

  /** The ids of a text. */
  encode(text: string, options: TokenizerCallOptions & { textPair?: string } = {}): number[] {
    return this(text, options).inputIds;
  }

  /** The tokens of a text, without special ones unless asked for. */
  tokenize(text: string, options: EncodeOptions = {}): string[] {
    return this.backend.encode(text, { addSpecialTokens: false, ...options }).tokens;
  }

  /**
   * The text of ids. Cleaning up takes away the spaces that WordPiece puts before signs; after byte pairs, whose spaces
   * are the text's own, nothing is cleaned up, as in Hugging Face.
   */
  decode(
    ids: number | Iterable<number>,
    options: DecodeOptions & { cleanUpTokenizationSpaces?: boolean } = {},
  ): string {
    const text = this.decodeIds(typeof ids === "number" ? [ids] : ids, options);
    const cleans = options.cleanUpTokenizationSpaces ?? this.cleanUpTokenizationSpaces;
    return cleans && !(this.backend.model instanceof Bpe) ? withoutWordPieceSpaces(text) : text;
  }

  /** The text of ids as it is. */
  protected decodeIds(ids: Iterable<number>, options: DecodeOptions): string {
    return this.backend.decode(ids, options);
  }

  batchDecode(
    batch: Iterable<Iterable<number>>,
    options: DecodeOptions & { cleanUpTokenizationSpaces?: boolean } = {},
  ): string[] {
    return Array.from(batch, (ids) => this.decode(ids, options));
  }

  /** The text that tokens stand for. */
  convertTokensToString(tokens: readonly string[]): string {
    return this.backend.decodeTokens(tokens);
  }

  /** The id of each token, the added ones included. */
  getVocab(): Map<string, number> {
    const { vocab } = this.backend.model.toJson() as { vocab: { [token: string]: number } | [string, number][] }; // every model's
    const own = Array.isArray(vocab) ? vocab.map(([token], id) => [token, id] as const) : Object.entries(vocab);
    const added = Array.from(this.backend.addedTokens, ([id, { content }]) => [content, id] as const);
    return new Map([...own, ...added]);
  }

  /** How many special tokens are added to one text or to a pair. */
  numSpecialTokensToAdd(isPair = false): number {
    return this.backend.numSpecialTokensToAdd(isPair);
  }

  /** The ids of tokens; those not in the vocabulary are the unknown token, or an error if there is none. */
  convertTokensToIds(tokens: readonly string[]): number[] {
    return tokens.map((token) => {
      const id = this.backend.tokenToId(token) ?? this.unkTokenId;
      if (id === null)
        throw new ArgumentError(`tokenizer: "${token}" is not in the vocabulary, and there is no unkToken.`, { token });
      return id;
    });
  }

  convertIdsToTokens(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): (string | null)[] {
    const special = new Set(skipSpecialTokens ? this.allSpecialTokens : []);
    return Array.from(ids, (id) => this.backend.idToToken(id) ?? null).filter(
      (token) => token === null || !special.has(token),
    );
  }

  /**
   * A chat as its model wants it: the text that the template makes of the messages, tokenized without further special tokens.
   * `tokenize: false` gives the text. Many chats give many rows. The templates' language is loaded at the first call.
   */
  readonly applyChatTemplate: ApplyChatTemplate = async (chat: Chat | readonly Chat[], options: ChatOptions = {}) => {
    const { applyChatTemplate } = await import("./chat-template.ts");
    const call = (texts: readonly string[], how: TokenizerCallOptions) => this(texts, how);
    return applyChatTemplate({ call, templates: this.chatTemplate, named: this.#named() }, chat, options) as never; // which of the overloads it is, the options say
  };

  /**
   * A tokenizer of this kind, with this one's parts and special tokens, whose `vocabSize` tokens are those of `texts`. Other
   * added tokens are left out, but for Unigram. Throws an `ArgumentError` where the texts are none or the size is too small.
   */
  trainNewFromIterator(texts: Iterable<TrainingText>, vocabSize: number, options?: RetrainOptions): PreTrainedTokenizer;
  trainNewFromIterator(
    texts: AsyncIterable<TrainingText>,
    vocabSize: number,
    options?: RetrainOptions,
  ): Promise<PreTrainedTokenizer>;
  trainNewFromIterator(
    texts: Iterable<TrainingText> | AsyncIterable<TrainingText>,
    vocabSize: number,
    options: RetrainOptions = {},
  ): PreTrainedTokenizer | Promise<PreTrainedTokenizer> {
    const made = retrained(this.backend, texts, vocabSize, options);
    const finish = (backend: Tokenizer) => this.#likeThis(backend, renaming(options));
    return made instanceof Promise ? made.then(finish) : finish(made);
  }

  /** The same settings and parts, under new names, around another tokenizer. */
  #likeThis(backend: Tokenizer, renamed: (token: string) => string): PreTrainedTokenizer {
    const named = roles.map((role) => [role, this[role]] as const).filter(([, token]) => token !== null);
    const { added_tokens_decoder: _decoder, ...config } = this.#config; // it has the old ids
    return this.around(backend, {
      ...Object.fromEntries(named.map(([role, token]) => [role, renamed(token ?? "")])),
      modelMaxLength: this.modelMaxLength,
      paddingSide: this.paddingSide,
      truncationSide: this.truncationSide,
      modelInputNames: this.modelInputNames,
      padTokenTypeId: this.padTokenTypeId,
      cleanUpTokenizationSpaces: this.cleanUpTokenizationSpaces,
      chatTemplate: this.chatTemplate,
      config,
    });
  }

  /** A tokenizer of this class. */
  protected around(backend: Tokenizer, options: PreTrainedTokenizerOptions): PreTrainedTokenizer {
    return new PreTrainedTokenizer(backend, options);
  }

  /** The tokens with a part, by Hugging Face's names of the parts. */
  #named(): JsonObject {
    return Object.fromEntries(
      roles.filter((role) => this[role] !== null).map((role) => [configName(role), this[role]]),
    );
  }

  /** What savePretrained writes: the content of each file, by name. Python's `AutoTokenizer` reads them. */
  toFiles(): TokenizerFileContents {
    return {
      "tokenizer.json": this.backend.toJson(),
      "tokenizer_config.json": this.configJson({ tokenizer_class: "PreTrainedTokenizerFast" }),
      "special_tokens_map.json": this.#named(),
    };
  }

  /** What tokenizer_config.json holds; `defaults` where the tokenizer's own configuration says nothing. */
  protected configJson(defaults: JsonObject): JsonObject {
    const named = this.#named();
    const {
      added_tokens_decoder: _decoder, // tokenizer.json holds the tokens
      chat_template: _template,
      additional_special_tokens: _before,
      extra_special_tokens: extra,
      ...config
    } = this.#config;
    const { chatTemplate } = this;
    const others = this.allSpecialTokens.filter((token) => !Object.values(named).includes(token));
    return sorted({
      ...defaults,
      ...config,
      ...named,
      // Even if none, as some of Python's classes have their own otherwise. An object gives a model's tokens names.
      extra_special_tokens: isObject(extra) ? extra : others,
      ...(Number.isFinite(this.modelMaxLength) && { model_max_length: this.modelMaxLength }),
      padding_side: this.paddingSide,
      truncation_side: this.truncationSide,
      model_input_names: this.modelInputNames,
      clean_up_tokenization_spaces: this.cleanUpTokenizationSpaces,
      ...(chatTemplate !== null && { chat_template: chatTemplateJson(chatTemplate) }),
    });
  }
}

/** By name, as Python writes it: so that a file is the same whatever its fields came from. */
function sorted(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function chatTemplateJson(templates: ChatTemplates): string | JsonObject[] {
  if (typeof templates === "string") return templates;
  return Object.entries(templates).map(([name, template]) => ({ name, template }));
}

/** `padToken` as tokenizer_config.json spells it. */
export function configName(role: keyof SpecialTokens): string {
  return role.replace("Token", "_token");
}

/** WordPiece decodes with a space before every sign; this takes the English ones away. */
function withoutWordPieceSpaces(text: string): string {
  return text
    .replace(/ ([.?!,])/g, "$1")
    .replace(/ ' /g, "'")
    .replace(/ (n't|'m|'s|'ve|'re)/g, "$1");
}
