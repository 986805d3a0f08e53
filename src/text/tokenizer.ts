// A tokenizer as tokenizer.json describes it: text goes through added tokens, normalizer, pre-tokenizer, model and
// post-processor to ids, and ids through the decoder back to text.
//
//   "Hello <mask>"  →  "Hello ", <mask>  →  "hello "  →  "hello", "Ġ"  →  [15, 7]  →  <s> 15 7 4 </s>

import { CheckpointError } from "../base/errors.ts";
import { type AddedToken, AddedTokens, readAddedToken } from "./added-tokens.ts";
import { Bpe } from "./bpe.ts";
import { toByteLetters } from "./byte-level.ts";
import { type Decoder, type DecoderConfig, readDecoder } from "./decoders.ts";
import { Encoding, emptyColumns } from "./encoding.ts";
import { Fields, type JsonObject } from "./fields.ts";
import type { Model, Word } from "./model.ts";
import { readPacked } from "./model-bytes.ts";
import { readModel } from "./models.ts";
import { Normalized } from "./normalized.ts";
import { type NormalizerConfig, readNormalizer } from "./normalizers.ts";
import { type Padding, padAll, paddingJson, readPadding } from "./padding.ts";
import { type PostProcessor, type PostProcessorConfig, readPostProcessor } from "./post-processors.ts";
import { type PreTokenizer, type PreTokenizerConfig, readPreTokenizer, type Words } from "./pre-tokenizers.ts";
import { countWords, type TrainingText, type WordCounts } from "./train-words.ts";
import type { TokenizerTrainer } from "./trainer.ts";
import { readTruncation, type Truncation, truncate, truncationJson } from "./truncation.ts";
import { WordCache } from "./word-cache.ts";

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
  /** Goes before the tokenizer's own; null for none. */
  truncation?: Truncation | null;
  /** Goes before the tokenizer's own; null for none. */
  padding?: Padding | null;
};

export type DecodeOptions = { skipSpecialTokens?: boolean };

export class Tokenizer {
  #model: Model;
  /** What happens to texts for which a call says nothing else. */
  truncation: Truncation | null = null;
  padding: Padding | null = null;
  #added = new AddedTokens(readNormalizer(null));
  #preTokenizer: PreTokenizer = readPreTokenizer(null);
  #postProcessor: PostProcessor = readPostProcessor(null);
  #decoder: Decoder = readDecoder(null);
  /** What tokenizer.json holds of us, but for the model and the added tokens. */
  #config: JsonObject = {
    version: "1.0",
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
  };

  constructor(parts: TokenizerParts) {
    this.#model = parts.model;
    this.normalizer = parts.normalizer ?? null;
    this.preTokenizer = parts.preTokenizer ?? null;
    this.postProcessor = parts.postProcessor ?? null;
    this.decoder = parts.decoder ?? null;
    this.addTokens(parts.addedTokens ?? []);
  }

  /** A tokenizer from the bytes of a tokenizer.json: the same as from its JSON, but large BPE files load sooner. */
  static fromBytes(bytes: Uint8Array, where = "tokenizer.json"): Tokenizer {
    const packed = readPacked(bytes);
    if (packed !== null) {
      const model = Bpe.fromJson(new Fields(packed.json["model"], `${where}: model`), packed);
      return Tokenizer.#fromFields(new Fields(packed.json, where), model, where);
    }
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new CheckpointError(
        `${where}: it is no JSON: ${said}. Is the download complete? Fetch or save it again.`,
        {
          where,
        },
        { cause },
      );
    }
    return Tokenizer.fromJson(json, where);
  }

  /** A tokenizer from what `JSON.parse` made of a tokenizer.json. */
  static fromJson(json: unknown, where = "tokenizer.json"): Tokenizer {
    const fields = new Fields(json, where);
    return Tokenizer.#fromFields(fields, readModel(fields.object["model"], `${where}: model`), where);
  }

  static #fromFields(fields: Fields, model: Model, where: string): Tokenizer {
    try {
      return Tokenizer.#read(fields, model, where);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new CheckpointError(`${where}: its components are nested too deep to be read.`, { where }, { cause });
    }
  }

  static #read(fields: Fields, model: Model, where: string): Tokenizer {
    const tokenizer = new Tokenizer({ model });
    const { model: _model, added_tokens: _added, truncation, padding, ...config } = fields.object;
    tokenizer.truncation = readTruncation(truncation, `${where}: truncation`);
    tokenizer.padding = readPadding(padding, `${where}: padding`);
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

  /** What tokenizer.json holds; Python's `tokenizers` reads it. */
  toJson(): JsonObject {
    const { version, ...components } = this.#config;
    return {
      version,
      truncation: this.truncation && truncationJson(this.truncation),
      padding: this.padding && paddingJson(this.padding),
      added_tokens: this.#added.toJson(),
      ...components,
      model: this.model.toJson(),
    };
  }

  get model(): Model {
    return this.#model;
  }

  /**
   * Learns the vocabulary of `texts`, which are read once and go through the normalizer and the pre-tokenizer. The model
   * becomes one of its kind with the new vocabulary; the trainer's special tokens come first, then what else was added
   * before. Throws an `ArgumentError` where the texts are none, or not strings.
   */
  trainFromIterator(texts: Iterable<TrainingText>, trainer: TokenizerTrainer): this;
  trainFromIterator(texts: AsyncIterable<TrainingText>, trainer: TokenizerTrainer): Promise<this>;
  trainFromIterator(
    texts: Iterable<TrainingText> | AsyncIterable<TrainingText>,
    trainer: TokenizerTrainer,
  ): this | Promise<this> {
    const words = countWords(texts, this);
    return words instanceof Promise
      ? words.then((counts) => this.#learn(counts, trainer))
      : this.#learn(words, trainer);
  }

  #learn(words: WordCounts, trainer: TokenizerTrainer): this {
    this.#model = trainer.train(words, this.#model);
    this.#spelled = this.#spelledWords();
    const before = this.#added.entries.map(([, token]) => token);
    this.#added = new AddedTokens(readNormalizer(this.normalizer));
    const special = new Set(trainer.specialTokens.map((token) => token.content));
    this.addTokens([...trainer.specialTokens, ...before.filter((token) => !special.has(token.content))]);
    return this;
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

  /** The same tokenizer, whose post-processor can be another one; tokens added to either are known to both. */
  twin(): Tokenizer {
    const twin = new Tokenizer({ model: this.#model, preTokenizer: this.preTokenizer, decoder: this.decoder });
    twin.#config = this.#config;
    twin.#added = this.#added;
    twin.postProcessor = this.postProcessor;
    return twin;
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
    const padding = options.padding === undefined ? this.padding : options.padding;
    const encoding = this.#encodeOne(text, options);
    return padding === null ? encoding : (padAll([encoding], padding)[0] ?? encoding);
  }

  /** Encodes many texts; padding is to the longest of them. A pair of texts is given as `[text, pair]` to `encodePairs`. */
  encodeBatch(texts: readonly (string | readonly string[])[], options: EncodeOptions = {}): Encoding[] {
    const padding = options.padding === undefined ? this.padding : options.padding;
    const encodings = texts.map((text) => this.#encodeOne(text, options));
    return padding === null ? encodings : padAll(encodings, padding);
  }

  #encodeOne(text: string | readonly string[], options: EncodeOptions): Encoding {
    const { addSpecialTokens = true, pair } = options;
    const truncation = options.truncation === undefined ? this.truncation : options.truncation;
    let texts: readonly Encoding[] = [this.#encodeText(text, 0)];
    if (pair !== undefined) texts = [...texts, this.#encodeText(pair, 1)];
    if (truncation !== null)
      texts = truncate(texts, truncation, addSpecialTokens ? this.#postProcessor.added(texts.length) : 0);
    if (this.postProcessor === null && texts.length === 1 && texts[0] !== undefined) return texts[0];
    const numbered = texts.map((one, i) => one.asSequence(i === 0 ? 0 : 1, i));
    return Encoding.concat(this.#postProcessor.process(numbered, addSpecialTokens));
  }

  /** The text of some ids; ids that stand for nothing are left out. */
  decode(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.idToToken(id);
      if (token === undefined || (skipSpecialTokens && this.#added.byId(id)?.special)) continue;
      tokens.push(token);
    }
    return this.decodeTokens(tokens);
  }

  /** The text that tokens stand for. */
  decodeTokens(tokens: readonly string[]): string {
    return this.#decoder(tokens).join("");
  }

  batchDecode(batch: Iterable<Iterable<number>>, options: DecodeOptions = {}): string[] {
    return Array.from(batch, (ids) => this.decode(ids, options));
  }

  #encodeText(text: string | readonly string[], sequence: 0 | 1): Encoding {
    const columns = emptyColumns();
    if (typeof text === "string") this.#encodeInto(columns, text, null);
    else for (const [i, word] of text.entries()) this.#encodeInto(columns, word, i);
    const count = columns.ids.length;
    return new Encoding(
      {
        ...columns,
        typeIds: new Array<number>(count).fill(sequence),
        specialTokensMask: new Array<number>(count).fill(0),
        attentionMask: new Array<number>(count).fill(1),
      },
      this.#textOf,
    );
  }

  /** Added tokens come with their texts; where one has the id of a token of the model, the model's is meant. */
  readonly #textOf = (id: number): string => this.model.idToToken(id) ?? this.idToToken(id) ?? "";

  /** Appends the tokens of a text, which all belong to `word` if that is known. */
  #encodeInto(columns: Columns, text: string, word: number | null): void {
    // Half a surrogate pair has no UTF-8; it counts as U+FFFD, which takes the same one unit.
    let words = 0;
    for (const section of this.#added.sections(text.toWellFormed())) {
      if (section.id !== null) {
        columns.texts.set(columns.ids.length, section.text.text);
        columns.ids.push(section.id);
        columns.starts.push(section.text.startOf(0));
        columns.ends.push(section.text.endOf(section.text.text.length));
        columns.words.push(word ?? words++);
        continue;
      }
      for (const group of this.#preTokenizer.words(section.text))
        words = this.#encodeWords(columns, group, word, words);
    }
  }

  /** Appends the tokens of some words, of which the first is number `words`; returns the number of the next. */
  #encodeWords(columns: Columns, { text, cuts }: Words, word: number | null, words: number): number {
    const { ids, starts, ends, texts } = columns;
    const { plain } = text;
    let next = words;
    for (let i = 0; i < 2 * cuts.count; i += 2) {
      const from = cuts.bounds[i] as number; // both are inside
      const found = this.#wordTokens(text.text.slice(from, cuts.bounds[i + 1] as number));
      const at = plain ? from + text.origin : from;
      const number = word ?? next;
      next++;
      for (let t = 0; t < found.ids.length; t++) {
        const [start, end] = [at + (found.starts[t] as number), at + (found.ends[t] as number)]; // three of one length
        const own = found.tokens?.[t];
        if (own !== undefined) texts.set(ids.length, own);
        ids.push(found.ids[t] as number);
        starts.push(plain ? start : text.startOf(start));
        ends.push(plain ? end : text.endOf(end));
        columns.words.push(number);
      }
    }
    return next;
  }

  #wordTokens(word: string): Word {
    return this.#preTokenizer.spellsLetters ? this.#spelled.get(word) : this.model.tokenize(word);
  }

  /** The tokens of words that are yet to be spelled in the byte alphabet; a token covers the characters of its bytes. */
  #spelledWords(): WordCache<Word> {
    return new WordCache((word): Word => {
      const spelled = toByteLetters(new Normalized(word));
      const { ids, starts, ends, tokens } = this.#model.tokenize(spelled.text);
      return {
        ids,
        starts: starts.map((start) => spelled.startOf(start)),
        ends: ends.map((end) => spelled.endOf(end)),
        ...(tokens && { tokens }),
      };
    });
  }
  #spelled = this.#spelledWords();
}

type Columns = ReturnType<typeof emptyColumns>;
