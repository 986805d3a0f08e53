// Post-processors finish the encoding of one text or two: special tokens around them, blanks out of the offsets.

import { CheckpointError } from "../base/errors.ts";
import { Encoding, specialEncoding } from "./encoding.ts";
import { Fields, shown } from "./fields.ts";
import { isBlank } from "./letters.ts";

/** One place of a template: a text or a special token. */
export type TemplatePiece =
  | { readonly Sequence: { readonly id: "A" | "B"; readonly type_id: number } }
  | { readonly SpecialToken: { readonly id: string; readonly type_id: number } };

export type TemplateToken = {
  readonly id: string;
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
};

export type NamedToken = readonly [token: string, id: number];

export type PostProcessorConfig =
  | { readonly type: "BertProcessing"; readonly sep: NamedToken; readonly cls: NamedToken }
  | {
      readonly type: "RobertaProcessing";
      readonly sep: NamedToken;
      readonly cls: NamedToken;
      readonly trim_offsets: boolean;
      readonly add_prefix_space: boolean;
    }
  | {
      readonly type: "ByteLevel";
      readonly add_prefix_space: boolean;
      readonly trim_offsets: boolean;
      readonly use_regex?: boolean;
    }
  | {
      readonly type: "TemplateProcessing";
      readonly single: readonly TemplatePiece[];
      readonly pair: readonly TemplatePiece[];
      readonly special_tokens: { readonly [id: string]: TemplateToken };
    }
  | { readonly type: "Sequence"; readonly processors: readonly PostProcessorConfig[] };

export interface PostProcessor {
  /** How many special tokens it adds to so many texts. */
  added(texts: number): number;
  /** The texts' encodings, with special tokens between them as encodings of their own. */
  process(encodings: readonly Encoding[], addSpecialTokens: boolean): readonly Encoding[];
}

const nothing: PostProcessor = { added: () => 0, process: (encodings) => encodings };

/** Special tokens around the first text and around the second. */
type Frame = { readonly before: NamedToken; readonly after: NamedToken; readonly typeId: number };

/** As BERT does it: `[CLS] A [SEP] B [SEP]`; RoBERTa begins the second text with `</s>` as well. */
function framing(frames: readonly (Omit<Frame, "before"> & { readonly before: NamedToken | null })[]): PostProcessor {
  const count = (frame: { readonly before: NamedToken | null }) => (frame.before === null ? 1 : 2);
  return {
    added: (texts) => frames.slice(0, texts).reduce((sum, frame) => sum + count(frame), 0),
    process: (encodings, addSpecialTokens) => {
      if (!addSpecialTokens) return encodings;
      return encodings.map((encoding, i) => {
        const frame = frames[i];
        if (frame === undefined) return encoding;
        const special = ([token, id]: NamedToken) => specialEncoding([id], [token], frame.typeId);
        const before = frame.before === null ? [] : [special(frame.before)];
        const framed = (one: Encoding) => Encoding.concat([...before, one, special(frame.after)]);
        return framed(encoding);
      });
    },
  };
}

const kinds: { readonly [type in PostProcessorConfig["type"]]: (fields: Fields) => PostProcessor } = {
  BertProcessing: (fields) => {
    const [cls, sep] = [namedToken(fields, "cls"), namedToken(fields, "sep")];
    return framing([
      { before: cls, after: sep, typeId: 0 },
      { before: null, after: sep, typeId: 1 },
    ]);
  },
  RobertaProcessing: (fields) => {
    const [cls, sep] = [namedToken(fields, "cls"), namedToken(fields, "sep")];
    const addPrefixSpace = fields.boolean("add_prefix_space", true);
    const trims = fields.boolean("trim_offsets", true);
    const frame = framing([
      { before: cls, after: sep, typeId: 0 },
      { before: sep, after: sep, typeId: 0 },
    ]);
    const trimmed = (encoding: Encoding) => (trims ? trimOffsets(encoding, addPrefixSpace) : encoding);
    const untyped = (encoding: Encoding) => encoding.with({ typeIds: new Array(encoding.length).fill(0) });
    return {
      added: frame.added,
      process: (encodings, addSpecialTokens) => {
        const prepared = encodings.map((encoding) => {
          const overflowing = encoding.overflowing.map(trimmed);
          return untyped(trimmed(encoding)).with({}, addSpecialTokens ? overflowing.map(untyped) : overflowing);
        });
        return frame.process(prepared, addSpecialTokens);
      },
    };
  },
  ByteLevel: (fields) => {
    const addPrefixSpace = fields.boolean("add_prefix_space", true);
    if (!fields.boolean("trim_offsets", true)) return nothing;
    const trimmed = (encoding: Encoding) => trimOffsets(encoding, addPrefixSpace);
    return {
      added: () => 0,
      process: (encodings) =>
        encodings.map((encoding) => trimmed(encoding).with({}, encoding.overflowing.map(trimmed))),
    };
  },
  TemplateProcessing: readTemplate,
  Sequence: (fields) => {
    const steps = fields
      .array("processors")
      .map((config, i) => readPostProcessor(config, `${fields.where}.processors[${i}]`));
    return {
      added: (texts) => steps.reduce((sum, step) => sum + step.added(texts), 0),
      process: (encodings, addSpecialTokens) =>
        steps.reduce((done, step) => step.process(done, addSpecialTokens), encodings),
    };
  },
};

/** The post-processor that a config describes; null adds nothing. */
export function readPostProcessor(config: unknown, where = "post_processor"): PostProcessor {
  if (config === null || config === undefined) return nothing;
  const fields = new Fields(config, where);
  return fields.byType(kinds, "post-processor")(fields);
}

export type TemplateOptions = {
  /** As in `<s> $A </s>`. */
  single: string;
  /** As in `<s> $A </s> $B:1 </s>:1`; the number is the type id. Without it two texts are joined bare. */
  pair?: string;
  /** The id of each special token in the templates. */
  specialTokens: readonly (readonly [token: string, id: number])[];
};

/** The config of a template written the short way. */
export function templateProcessing({ single, pair = "$A $B:1", specialTokens }: TemplateOptions): PostProcessorConfig {
  return {
    type: "TemplateProcessing",
    single: single.split(" ").map(templatePiece),
    pair: pair.split(" ").map(templatePiece),
    special_tokens: Object.fromEntries(
      specialTokens.map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  };
}

function templatePiece(written: string): TemplatePiece {
  const [, id = written, type = "0"] = /^(.*?)(?::(\d+))?$/s.exec(written) ?? [];
  const type_id = Number(type);
  if (id === "$A" || id === "$") return { Sequence: { id: "A", type_id } };
  if (id === "$B") return { Sequence: { id: "B", type_id } };
  return { SpecialToken: { id, type_id } };
}

function readTemplate(fields: Fields): PostProcessor {
  const tokens = new Map(
    Object.keys(fields.fields("special_tokens").object).map((id) => {
      const token = fields.fields("special_tokens").fields(id);
      return [id, { ids: token.counts("ids"), tokens: token.array("tokens").map(String) }];
    }),
  );
  const templates = [readPieces(fields, "single", tokens), readPieces(fields, "pair", tokens)];
  const piecesFor = (texts: number): readonly Piece[] => {
    const pieces = templates[texts - 1];
    if (pieces === undefined)
      throw new CheckpointError(
        `${fields.where}: a template takes one text or two, not ${texts}; in a Sequence it comes last but for ByteLevel.`,
        { texts },
      );
    return pieces;
  };
  return {
    added: (texts) => piecesFor(texts).reduce((sum, piece) => sum + (piece.special?.ids.length ?? 0), 0),
    process: (encodings, addSpecialTokens) =>
      piecesFor(encodings.length).flatMap(({ special, text, typeId }) => {
        if (special !== null) return addSpecialTokens ? [specialEncoding(special.ids, special.tokens, typeId)] : [];
        const encoding = encodings[text];
        return encoding === undefined ? [] : [encoding.asSequence(text, typeId)];
      }),
  };
}

type SpecialPiece = { readonly ids: readonly number[]; readonly tokens: readonly string[] };
type Piece = { readonly special: SpecialPiece | null; readonly text: 0 | 1; readonly typeId: number };

function readPieces(fields: Fields, name: string, tokens: ReadonlyMap<string, SpecialPiece>): readonly Piece[] {
  return fields.array(name).map((config, i) => {
    const piece = new Fields(config, `${fields.where}.${name}[${i}]`);
    if (piece.has("Sequence")) {
      const sequence = piece.fields("Sequence");
      return {
        special: null,
        text: sequence.oneOf("id", ["A", "B"]) === "A" ? 0 : 1,
        typeId: sequence.count("type_id"),
      };
    }
    const named = piece.fields("SpecialToken");
    const special = tokens.get(named.string("id"));
    if (special === undefined)
      throw new CheckpointError(`${named.where}: "${named.string("id")}" is not in special_tokens.`, {
        where: named.where,
      });
    return { special, text: 0, typeId: named.count("type_id") };
  });
}

function namedToken(fields: Fields, name: string): NamedToken {
  const value = fields.object[name];
  const [token, id] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (typeof token !== "string" || typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) {
    throw new CheckpointError(`${fields.where}.${name}: wanted ["token", id], got ${shown(value)}.`, { name });
  }
  return [token, id];
}

/** Moves the offsets of each token over the blanks it begins and ends with. */
function trimOffsets(encoding: Encoding, addPrefixSpace: boolean): Encoding {
  const { columns, tokens } = encoding;
  const [starts, ends] = [columns.starts.slice(), columns.ends.slice()];
  for (const [i, token] of tokens.entries()) {
    let [leading, trailing] = [0, 0];
    while (leading < token.length && isBlankLetter(token, leading)) leading++;
    while (trailing < token.length && isBlankLetter(token, token.length - 1 - trailing)) trailing++;
    const [start, end] = [starts[i] as number, ends[i] as number]; // as many as tokens
    // One blank before the first token is the one that was added, and stands for no blank of the text.
    if (leading === 1 && addPrefixSpace && (i === 0 || start === 0)) leading = 0;
    // A blank that was put before a character of two units stands for both.
    const width = token.length === 1 && end - start === 2 ? 2 : 1;
    const from = Math.min(start + leading * width, end);
    starts[i] = from;
    if (trailing > 0 && end >= trailing) ends[i] = Math.max(end - trailing * width, from);
  }
  return encoding.with({ starts, ends });
}

/** A blank, or the letter that the byte alphabet has for it. */
function isBlankLetter(token: string, at: number): boolean {
  return token.charCodeAt(at) === 0x120 || isBlank(token, at);
}
