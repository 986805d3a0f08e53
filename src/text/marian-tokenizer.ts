// Marian's tokenizer, of Helsinki-NLP's opus-mt models: a SentencePiece model for the language that is translated, one for the
// other, and one vocabulary of both, or one for each. It does what transformers' MarianTokenizer does, which is written in Python:
//
//   tokenizer("a text", { textTarget: "ein Text" })   →   { inputIds by source.spm, attentionMask, labels by target.spm }
//
// Punctuation is not normalized: transformers makes sacremoses' normalizer, if that is installed, but never calls it for a text.

import { CheckpointError, UnsupportedError } from "../base/errors.ts";
import type { OverflowingRows, Row, Rows } from "./batch.ts";
import type { AnyOptions, AnyText } from "./call-options.ts";
import { Fields } from "./fields.ts";
import { addDeclared, configured } from "./load-tokenizer.ts";
import { MarianModel, type MarianVocab } from "./marian-model.ts";
import { wholeConfig } from "./older-files.ts";
import { textOf, tokenOf } from "./older-parts.ts";
import {
  PreTrainedTokenizer,
  type PreTrainedTokenizerOptions,
  type TokenizerFileContents,
} from "./pretrained-tokenizer.ts";
import { trimmed } from "./python-text.ts";
import { readSentencePiece } from "./sentencepiece.ts";
import { SPACE_MARK } from "./sentencepiece-normalizer.ts";
import { SentencePieceProcessor } from "./sentencepiece-processor.ts";
import { type DecodeOptions, Tokenizer } from "./tokenizer.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

const SOURCE = "source.spm";
const TARGET = "target.spm";
const VOCAB = "vocab.json";
const TARGET_VOCAB = "target_vocab.json";
const decoder = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true } as const;
const defaults = {
  tokenizer_class: "MarianTokenizer",
  unk_token: "<unk>",
  eos_token: "</s>",
  pad_token: "<pad>",
  model_max_length: 512,
  separate_vocabs: false,
};

type Ids = ReadonlyMap<string, number>;
/** The files' contents, which are written again as they came. */
type MarianFiles = {
  readonly spm: readonly [source: Uint8Array, target: Uint8Array];
  readonly vocab: Ids;
  /** Where the languages have vocabularies of their own. */
  readonly targetVocab: Ids | null;
};

export class MarianTokenizer extends PreTrainedTokenizer {
  readonly #files: MarianFiles;
  /** What joins pieces: the first half's where they share a vocabulary, as in Python. */
  readonly #joins: SentencePieceProcessor;

  constructor(
    files: MarianFiles,
    models: readonly [source: MarianModel, target: MarianModel],
    config: Fields,
    options: PreTrainedTokenizerOptions,
  ) {
    const [source, target] = [
      new Tokenizer({ model: models[0], decoder }),
      new Tokenizer({ model: models[1], decoder }),
    ];
    for (const half of [source, target]) addDeclared(half, config);
    super(source, options, target);
    this.#files = files;
    this.#joins = models[files.targetVocab === null ? 0 : 1].processor;
    const [eos, id] = [this.eosToken, this.eosTokenId];
    if (eos === null || id === null) return;
    const end = (type_id: number) => ({ SpecialToken: { id: eos, type_id } });
    const text = (which: "A" | "B", type_id: number) => ({ Sequence: { id: which, type_id } });
    source.postProcessor = {
      type: "TemplateProcessing",
      single: [text("A", 0), end(0)],
      pair: [text("A", 0), text("B", 1), end(1)],
      special_tokens: { [eos]: { id: eos, ids: [id], tokens: [eos] } },
    };
    target.postProcessor = source.postProcessor;
  }

  /** The codes that choose the language, as `>>fr<<`, in models that translate into several. */
  get supportedLanguageCodes(): string[] {
    const { vocab, targetVocab } = this.#files;
    if (targetVocab !== null) return []; // as in Python
    return [...vocab.keys()].filter((token) => token.startsWith(">>") && token.endsWith("<<"));
  }

  /** The special tokens' mask tells those in the text too, but for the unknown one. */
  override encodeRows(text: AnyText | undefined, options: AnyOptions = {}): Row | Rows | OverflowingRows {
    const rows = super.encodeRows(text, options);
    if (rows.specialTokensMask === undefined || options.addSpecialTokens === false) return rows;
    const special = this.#specialIds();
    if (this.unkTokenId !== null) special.delete(this.unkTokenId);
    const mask = (ids: readonly number[]) => ids.map((id) => (special.has(id) ? 1 : 0));
    return isRow(rows)
      ? { ...rows, specialTokensMask: mask(rows.inputIds) }
      : { ...rows, specialTokensMask: rows.inputIds.map(mask) };
  }

  /** As in Python, the vocabulary is that of the language that is translated. */
  override get vocabSize(): number {
    const { vocab } = this.#files;
    const added = [...this.backend.addedTokens.values()].filter(({ content }) => !vocab.has(content));
    return vocab.size + added.length;
  }

  override getVocab(): Map<string, number> {
    const added = Array.from(this.backend.addedTokens, ([id, { content }]) => [content, id] as const);
    return new Map([...this.#files.vocab, ...added]);
  }

  protected override decodeIds(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions): string {
    const skipped = skipSpecialTokens ? this.#specialIds() : new Set();
    const half = this.#files.targetVocab === null ? this.backend : this.targetBackend;
    const tokens = Array.from(ids, (id) => (skipped.has(id) ? undefined : half.idToToken(id)));
    return this.convertTokensToString(tokens.filter((token) => token !== undefined));
  }

  override convertTokensToString(tokens: readonly string[]): string {
    const special = new Set(this.allSpecialTokens);
    let text = "";
    let pieces: string[] = [];
    for (const token of tokens) {
      if (special.has(token)) {
        text += `${this.#joins.decodePieces(pieces)}${token} `;
        pieces = [];
      } else pieces.push(token);
    }
    return trimmed((text + this.#joins.decodePieces(pieces)).replaceAll(SPACE_MARK, " "));
  }

  #specialIds(): Set<number> {
    return new Set(this.convertTokensToIds(this.allSpecialTokens));
  }

  override toFiles(): TokenizerFileContents {
    const { spm, vocab, targetVocab } = this.#files;
    const added = Array.from(this.backend.addedTokens, ([id, { singleWord, ...token }]) => [
      id,
      { ...token, single_word: singleWord },
    ]);
    return {
      [SOURCE]: spm[0],
      [TARGET]: spm[1],
      [VOCAB]: Object.fromEntries(vocab),
      ...(targetVocab !== null && { [TARGET_VOCAB]: Object.fromEntries(targetVocab) }),
      "tokenizer_config.json": {
        added_tokens_decoder: Object.fromEntries(added),
        ...this.configJson(defaults),
        tokenizer_class: defaults.tokenizer_class,
      },
    };
  }
}

/** The tokenizer of a folder with Marian's files; `options` go before what they say. */
export async function readMarian(
  folder: TokenizerFolder,
  config: Fields,
  map: Fields,
  options: PreTrainedTokenizerOptions,
): Promise<MarianTokenizer> {
  const whole = new Fields(await wholeConfig(folder, config, map, defaults), config.where);
  refuseOptions(whole);
  const separate = whole.boolean("separate_vocabs");
  const wanted = [SOURCE, TARGET, VOCAB, ...(separate ? [TARGET_VOCAB] : [])];
  const missing = wanted.filter((name) => !folder.names.includes(name));
  if (missing.length > 0) {
    throw new CheckpointError(
      `AutoTokenizer: "${folder.path}" holds no ${missing.join(" and no ")}. A MarianTokenizer is made of ` +
        `${wanted.join(", ")}; fetch the model's files again.`,
      { folder: folder.path, missing },
    );
  }
  const unkToken = tokenOf(whole, "unk_token");
  const vocab = await readVocab(folder, VOCAB, unkToken);
  const targetVocab = separate ? await readVocab(folder, TARGET_VOCAB, unkToken) : null;
  const texts = new Map(Array.from(targetVocab ?? vocab, ([token, id]) => [id, token]));
  const ids = new Map([...vocab, ...declaredIds(whole)]);
  const [source, target] = await Promise.all([folder.bytes(SOURCE), folder.bytes(TARGET)]);
  const model = (bytes: Uint8Array, name: string, pieces: Ids) => {
    const where = `${folder.path}/${name}`;
    const half: MarianVocab = { ids, size: vocab.size, pieces, texts, unkToken };
    return new MarianModel(new SentencePieceProcessor(readSentencePiece(bytes, where), where), half);
  };
  return new MarianTokenizer(
    { spm: [source, target], vocab, targetVocab },
    [model(source, SOURCE, vocab), model(target, TARGET, targetVocab ?? vocab)],
    whole,
    { ...configured(whole, map), ...options },
  );
}

async function readVocab(folder: TokenizerFolder, name: string, unkToken: string): Promise<Ids> {
  const fields = new Fields(await folder.json(name, true), `${folder.path}/${name}`);
  const ids = new Map(Object.keys(fields.object).map((token) => [token, fields.count(token)]));
  if (!ids.has(unkToken)) {
    throw new CheckpointError(`${fields.where}: the unknown token "${unkToken}" is not among its ${ids.size} tokens.`, {
      unkToken,
    });
  }
  return ids;
}

/** The ids of added tokens, which go before those of vocab.json, as in Python. */
function declaredIds(config: Fields): (readonly [token: string, id: number])[] {
  if (!config.has("added_tokens_decoder")) return [];
  const { object, where } = config.fields("added_tokens_decoder");
  return Object.entries(object).map(([id, token]) => {
    if (!/^\d{1,9}$/.test(id)) throw new CheckpointError(`${where}: wanted ids, got "${id}".`, { id });
    return [textOf(token), Number(id)];
  });
}

/** What Python would pass on to SentencePiece and is not done here. */
function refuseOptions(config: Fields): void {
  if (!config.has("sp_model_kwargs")) return;
  const { object, where } = config.fields("sp_model_kwargs");
  const set = Object.keys(object).find((name) => object[name] === true);
  if (set !== undefined) {
    throw new UnsupportedError(`${where}.${set}: texts are cut in one way only here. Take it out of the file.`, {
      option: set,
    });
  }
}

function isRow(rows: Row | Rows): rows is Row {
  return typeof rows.inputIds[0] === "number";
}
