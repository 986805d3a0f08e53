// Tokenizers of translation models with one vocabulary for many languages (mBART, mBART-50, NLLB): the code of a text's language is a
// token beside it, which follows `srcLang`, and `tgtLang` for a `textTarget`, as in transformers.
//
//   mBART      a text </s> en_XX          mBART-50, NLLB      en_XX a text </s>

import { ArgumentError } from "../base/errors.ts";
import type { Fields, JsonObject } from "./fields.ts";
import { type PostProcessorConfig, templateProcessing } from "./post-processors.ts";
import { PreTrainedTokenizer, type PreTrainedTokenizerOptions } from "./pretrained-tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";

type Layout = {
  readonly codeFirst: boolean;
  /** The language of texts where nothing says another. */
  readonly language: string;
};

const layouts: { readonly [name: string]: (config: Fields) => Layout } = {
  MBartTokenizer: () => ({ codeFirst: false, language: "en_XX" }),
  MBart50Tokenizer: () => ({ codeFirst: true, language: "en_XX" }),
  NllbTokenizer: (config) => ({ codeFirst: !config.boolean("legacy_behaviour", false), language: "eng_Latn" }),
};

/** Where the class of a configuration puts the code of the language; null where it has none. */
export function translationLayout(config: Fields): Layout | null {
  const name = (config.optionalString("tokenizer_class") ?? "").replace(/Fast$/, "");
  return Object.hasOwn(layouts, name) ? (layouts[name]?.(config) ?? null) : null;
}

export class TranslationTokenizer extends PreTrainedTokenizer {
  readonly #layout: Layout;
  #srcLang: string;
  #tgtLang: string | null;

  /** Throws an `ArgumentError` for a language whose code is no token. */
  constructor(backend: Tokenizer, options: PreTrainedTokenizerOptions, layout: Layout) {
    super(backend, options, backend.twin());
    this.#layout = layout;
    this.#srcLang = options.srcLang ?? layout.language;
    this.#tgtLang = options.tgtLang ?? null;
    this.#place();
  }

  /** The language of texts, as its code's token. */
  get srcLang(): string {
    return this.#srcLang;
  }
  set srcLang(code: string) {
    this.#idOfCode(code);
    this.#srcLang = code;
    this.#place();
  }

  /** The language of targets; that of texts, as long as there is no other. */
  get tgtLang(): string {
    return this.#tgtLang ?? this.#srcLang;
  }
  set tgtLang(code: string) {
    this.#idOfCode(code);
    this.#tgtLang = code;
    this.#place();
  }

  /** Puts the codes beside the texts. */
  #place(): void {
    this.backend.postProcessor = this.#around(this.srcLang);
    this.targetBackend.postProcessor = this.#around(this.tgtLang);
  }

  #around(code: string): PostProcessorConfig {
    const [eos, id] = [this.eosToken ?? "</s>", this.eosTokenId ?? this.#idOfCode("</s>")];
    const [before, after] = this.#layout.codeFirst ? [`${code} `, eos] : ["", `${eos} ${code}`];
    return templateProcessing({
      single: `${before}$A ${after}`,
      pair: `${before}$A $B ${after}`,
      specialTokens: [
        [eos, id],
        [code, this.#idOfCode(code)],
      ],
    });
  }

  #idOfCode(code: string): number {
    const id = this.backend.tokenToId(code);
    if (id !== undefined) return id;
    const codes = this.allSpecialTokens.filter((token) => /^[a-z]{2,3}_[A-Z][A-Za-z]+$/.test(token));
    throw new ArgumentError(
      `tokenizer: "${code}" is the code of no language here; there are ${codes.slice(0, 8).join(", ") || "none"}${codes.length > 8 ? ", …" : ""}.`,
      { code },
    );
  }

  protected override around(backend: Tokenizer, options: PreTrainedTokenizerOptions): TranslationTokenizer {
    const tgtLang = this.#tgtLang === null ? {} : { tgtLang: this.#tgtLang };
    return new TranslationTokenizer(backend, { ...options, srcLang: this.#srcLang, ...tgtLang }, this.#layout);
  }

  protected override configJson(defaults: JsonObject): JsonObject {
    return { ...super.configJson(defaults), src_lang: this.srcLang, tgt_lang: this.#tgtLang };
  }
}
