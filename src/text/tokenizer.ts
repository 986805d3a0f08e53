// A tokenizer as tokenizer.json describes it: text goes through added tokens, normalizer, pre-tokenizer, model and
// post-processor to ids, and ids through the decoder back to text.
//
//   "Hello <mask>"  →  "Hello ", <mask>  →  "hello "  →  "hello", "Ġ"  →  [15, 7]  →  <s> 15 7 4 </s>

import { type AddedToken, AddedTokens, readAddedToken } from "./added-tokens.ts";
import { type Decoder, type DecoderConfig, readDecoder } from "./decoders.ts";
import { concatEncodings, type Encoding, emptyEncoding } from "./encoding.ts";
import { Fields, type JsonObject } from "./fields.ts";
import type { Model } from "./model.ts";
import { readModel } from "./models.ts";
import { type NormalizerConfig, readNormalizer } from "./normalizers.ts";
import { type PostProcessor, type PostProcessorConfig, readPostProcessor } from "./post-processors.ts";
import { type PreTokenizer, type PreTokenizerConfig, readPreTokenizer } from "./pre-tokenizers.ts";
import { type Truncation, truncate } from "./truncation.ts";

export type TokenizerParts = {
  model: Model;
  normalizer?: NormalizerConfig | null;
  preTokenizer?: PreTokenizerConfig | null;
  postProcessor?: PostProcessorConfig | null;
  decoder?: DecoderConfig | null;
  addedTokens?: readonly AddedToken[];
};

export type EncodeOptions = {
  /** Whether the post-processor adds its special tokens; true by default. */
  addSpecialTokens?: boolean;
  /** A second text, or its words. */
  pair?: string | readonly string[];
  truncation?: Truncation;
};

export type DecodeOptions = { skipSpecialTokens?: boolean };

export class Tokenizer {
  readonly model: Model;
  readonly #added = new AddedTokens(readNormalizer(null));
  #preTokenizer: PreTokenizer = readPreTokenizer(null);
  #postProcessor: PostProcessor = readPostProcessor(null);
  #decoder: Decoder = readDecoder(null);
  /** What tokenizer.json holds of us, but for the model and the added tokens. */
  #config: JsonObject = {
    version: "1.0",
    truncation: null,
    padding: null,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
  };

  constructor(parts: TokenizerParts) {
    this.model = parts.model;
    this.normalizer = parts.normalizer ?? null;
    this.preTokenizer = parts.preTokenizer ?? null;
    this.postProcessor = parts.postProcessor ?? null;
    this.decoder = parts.decoder ?? null;
    this.addTokens(parts.addedTokens ?? []);
  }

  /** A tokenizer from what `JSON.parse` made of a tokenizer.json. */
  static fromJson(json: unknown, where = "tokenizer.json"): Tokenizer {
    const fields = new Fields(json, where);
    const tokenizer = new Tokenizer({ model: readModel(fields.object["model"], `${where}: model`) });
    const { model: _model, added_tokens: _added, ...config } = fields.object;
    tokenizer.#config = { ...tokenizer.#config, ...config };
    tokenizer.#added.normalizer = readNormalizer(config["normalizer"], `${where}: normalizer`);
    tokenizer.#preTokenizer = readPreTokenizer(config["pre_tokenizer"], `${where}: pre_tokenizer`);
    tokenizer.#postProcessor = readPostProcessor(config["post_processor"], `${where}: post_processor`);
    tokenizer.#decoder = readDecoder(config["decoder"], `${where}: decoder`);
    for (const [i, entry] of fields.array("added_tokens", []).entries()) {
      const { id, token } = readAddedToken(entry, `${where}: added_tokens[${i}]`);
      tokenizer.#added.set(tokenizer.model.tokenToId(token.content) ?? id, token);
    }
    return tokenizer;
  }

  /** What tokenizer.json holds; Python's `tokenizers` reads it. `truncation` and `padding` are kept, but not obeyed. */
  toJson(): JsonObject {
    const { version, truncation, padding, ...components } = this.#config;
    return {
      version,
      truncation,
      padding,
      added_tokens: this.#added.toJson(),
      ...components,
      model: this.model.toJson(),
    };
  }

  // The components are given and kept as tokenizer.json has them.
  get normalizer(): NormalizerConfig | null {
    return this.#config["normalizer"] as NormalizerConfig | null; // it was read as one
  }
  set normalizer(config: NormalizerConfig | null) {
    this.#added.normalizer = readNormalizer(config);
    this.#config = { ...this.#config, normalizer: config };
  }
  get preTokenizer(): PreTokenizerConfig | null {
    return this.#config["pre_tokenizer"] as PreTokenizerConfig | null;
  }
  set preTokenizer(config: PreTokenizerConfig | null) {
    this.#preTokenizer = readPreTokenizer(config);
    this.#config = { ...this.#config, pre_tokenizer: config };
  }
  get postProcessor(): PostProcessorConfig | null {
    return this.#config["post_processor"] as PostProcessorConfig | null;
  }
  set postProcessor(config: PostProcessorConfig | null) {
    this.#postProcessor = readPostProcessor(config);
    this.#config = { ...this.#config, post_processor: config };
  }
  get decoder(): DecoderConfig | null {
    return this.#config["decoder"] as DecoderConfig | null;
  }
  set decoder(config: DecoderConfig | null) {
    this.#decoder = readDecoder(config);
    this.#config = { ...this.#config, decoder: config };
  }

  /** Tokens in all: the model's and the added ones. */
  get vocabSize(): number {
    return this.model.vocabSize + this.#added.entries.filter(([id]) => this.model.idToToken(id) === undefined).length;
  }

  /** The added tokens by id. */
  get addedTokens(): ReadonlyMap<number, Required<AddedToken>> {
    return new Map(this.#added.entries);
  }

  /** Adds tokens that the vocabulary lacks behind it; those it has become added tokens under their own id. Returns how many are new. */
  addTokens(tokens: readonly (string | AddedToken)[]): number {
    const before = this.vocabSize;
    let next = Math.max(this.model.vocabSize, (this.#added.entries.at(-1)?.[0] ?? -1) + 1);
    for (const token of tokens) {
      const added = typeof token === "string" ? { content: token } : token;
      if (added.content !== "") this.#added.set(this.tokenToId(added.content) ?? next++, added);
    }
    return this.vocabSize - before;
  }

  tokenToId(token: string): number | undefined {
    return this.#added.idOf(token) ?? this.model.tokenToId(token);
  }

  idToToken(id: number): string | undefined {
    return this.#added.textOf(id) ?? this.model.idToToken(id);
  }

  /** How many special tokens are added to one text or to a pair. */
  numSpecialTokensToAdd(isPair = false): number {
    return this.#postProcessor.added(isPair ? 2 : 1);
  }

  /** Encodes a text, or its words if it comes split; the offsets of words count from their own beginnings. */
  encode(text: string | readonly string[], options: EncodeOptions = {}): Encoding {
    const { addSpecialTokens = true, pair, truncation } = options;
    let texts: readonly Encoding[] = [this.#encodeText(text, 0)];
    if (pair !== undefined) texts = [...texts, this.#encodeText(pair, 1)];
    if (truncation !== undefined)
      texts = truncate(texts, truncation, addSpecialTokens ? this.#postProcessor.added(texts.length) : 0);
    return concatEncodings(this.#postProcessor.process(texts, addSpecialTokens));
  }

  encodeBatch(texts: readonly (string | readonly string[])[], options: EncodeOptions = {}): Encoding[] {
    return texts.map((text) => this.encode(text, options));
  }

  /** The text of some ids; ids that stand for nothing are left out. */
  decode(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.idToToken(id);
      if (token === undefined || (skipSpecialTokens && this.#added.byId(id)?.special)) continue;
      tokens.push(token);
    }
    return this.#decoder(tokens).join("");
  }

  batchDecode(batch: Iterable<Iterable<number>>, options: DecodeOptions = {}): string[] {
    return Array.from(batch, (ids) => this.decode(ids, options));
  }

  #encodeText(text: string | readonly string[], sequence: 0 | 1): Encoding {
    const encoding = emptyEncoding();
    if (typeof text === "string") this.#encodeInto(encoding, text, null);
    else for (const [i, word] of text.entries()) this.#encodeInto(encoding, word, i);
    encoding.attentionMask = encoding.ids.map(() => 1);
    encoding.specialTokensMask = encoding.ids.map(() => 0);
    encoding.typeIds = encoding.ids.map(() => sequence);
    encoding.sequenceIds = encoding.ids.map(() => sequence);
    return encoding;
  }

  /** Appends the tokens of a text, which all belong to `word` if that is known. */
  #encodeInto(encoding: Encoding, text: string, word: number | null): void {
    const { ids, tokens, offsets, wordIds } = encoding;
    let words = 0;
    for (const section of this.#added.sections(text)) {
      if (section.id !== null) {
        ids.push(section.id);
        tokens.push(section.text.text);
        offsets.push([section.text.startOf(0), section.text.endOf(section.text.text.length)]);
        wordIds.push(word ?? words++);
        continue;
      }
      for (const piece of this.#preTokenizer(section.text)) {
        const kept = piece.first ?? piece;
        kept.tokens ??= this.model.tokenize(piece.text);
        const found = kept.tokens;
        for (let i = 0; i < found.ids.length; i++) {
          const id = found.ids[i] as number; // three arrays of one length
          ids.push(id);
          tokens.push(this.model.idToToken(id) as string);
          offsets.push([piece.startOf(found.starts[i] as number), piece.endOf(found.ends[i] as number)]);
          wordIds.push(word ?? words);
        }
        words++;
      }
    }
  }
}
