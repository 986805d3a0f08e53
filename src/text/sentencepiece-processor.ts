// A SentencePiece model (https://arxiv.org/abs/1808.06226) at work as its own library does it, for the tokenizers that Python
// keeps outside Rust's `tokenizers`: normalization, Viterbi in float32 as there, pieces as texts, and texts from pieces.
//
//   "Hello 日本"  →  "▁Hello▁日本"  →  "▁He", "llo", "▁", "日本"     neighbours without a piece are one unknown piece

import { CheckpointError, UnsupportedError } from "../base/errors.ts";
import { lengthAt } from "./normalized.ts";
import type { Piece, SentencePieceModel } from "./sentencepiece.ts";
import { SentencePieceNormalizer, SPACE_MARK } from "./sentencepiece-normalizer.ts";
import { Trie } from "./trie.ts";
import { pushUtf8, strictUtf8 } from "./utf8.ts";

const UNKNOWN_COSTS = 10;
const LEAST_FLOAT = 2 ** -126; // the library begins its search for the largest score here

/**
 * The pieces of a text; each stands for `[start, end)` of it. They begin and end as in the library, which gives a character that
 * became several letters to the last of them; here it is all of theirs.
 */
export type Pieces = { readonly pieces: string[]; readonly starts: number[]; readonly ends: number[] };

export class SentencePieceProcessor {
  readonly #model: SentencePieceModel;
  readonly #normalizer: SentencePieceNormalizer;
  readonly #types = new Map<string, Piece["type"]>();
  readonly #trie: Trie;
  /** By the piece's place; the library adds them up as float32. */
  readonly #scores: Float64Array;
  readonly #unknownScore: number;

  /** Throws an `UnsupportedError` for models that are not Unigram. */
  constructor(model: SentencePieceModel, where: string) {
    if (model.modelType !== "unigram" || model.denormalizes) {
      const what = model.denormalizes ? "with a denormalizer_spec" : `of the kind ${model.modelType}`;
      throw new UnsupportedError(
        `${where}: a SentencePiece model ${what} is not read here, only unigram models are. ` +
          "Train it with model_type=unigram, as Marian's are.",
        { where, modelType: model.modelType },
      );
    }
    this.#model = model;
    this.#normalizer = new SentencePieceNormalizer(model, where);
    this.#trie = new Trie(model.pieces.length * 3);
    const normal = model.pieces.filter(({ type }) => type === "normal").map(({ score }) => score);
    const [least, most] = [Math.min(...bounds(normal)), Math.max(...bounds(normal), LEAST_FLOAT)];
    this.#unknownScore = Math.fround(least - UNKNOWN_COSTS);
    this.#scores = Float64Array.from(model.pieces, ({ piece, score, type }) =>
      type === "userDefined" ? utf8Of(piece).length * most - 0.1 : score,
    );
    for (const [id, { piece, type }] of model.pieces.entries()) {
      if (this.#types.has(piece))
        throw new CheckpointError(`${where}: piece ${id}, "${piece}", is there twice.`, { where, id, piece });
      this.#types.set(piece, type);
      if (type === "normal" || type === "userDefined") this.#trie.set(piece, id);
    }
    if (![...this.#types.values()].includes("unknown"))
      throw new CheckpointError(`${where}: no piece of it is the unknown one.`, { where });
  }

  /** The piece at a place; undefined beyond the last. */
  pieceAt(id: number): string | undefined {
    return this.#model.pieces[id]?.piece;
  }

  encode(text: string): Pieces {
    const { text: normalized, origins, ends } = this.#normalizer.normalize(text);
    const out: Pieces = { pieces: [], starts: [], ends: [] };
    // What is left out goes with the piece before; a character that became several is all of theirs.
    const endOf = (end: number) => Math.max(origins[end] as number, ends[end - 1] as number);
    const push = (piece: string, start: number, end: number) => {
      out.pieces.push(piece);
      out.starts.push(origins[start] as number); // both are inside
      out.ends.push(endOf(end));
    };
    let unknownBefore = false;
    let start = 0;
    for (const { end, unknown } of this.#bestPath(normalized)) {
      const piece = normalized.slice(start, end);
      if (unknown && this.#model.byteFallback) for (const byte of utf8Of(piece)) push(byteName(byte), start, end);
      else if (unknown && unknownBefore) {
        out.pieces.push(out.pieces.pop() + piece);
        out.ends[out.ends.length - 1] = endOf(end);
      } else push(piece, start, end);
      unknownBefore = unknown;
      start = end;
    }
    return out;
  }

  /** The likeliest way to spell a text in pieces: where each ends, and whether it is none of the model's. */
  #bestPath(text: string): { readonly end: number; readonly unknown: boolean }[] {
    const best = new Float32Array(text.length + 1);
    const from = new Int32Array(text.length + 1).fill(-1);
    const unknown = new Uint8Array(text.length + 1);
    const [trie, scores] = [this.#trie, this.#scores];
    for (let start = 0; start < text.length; ) {
      const soFar = best[start] as number; // the arrays reach to the end
      const next = start + lengthAt(text, start);
      let single = false;
      for (let [end, node] = [start, 0]; end < text.length; ) {
        node = trie.next(node, text.charCodeAt(end++));
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0) continue;
        const score = (scores[id] as number) + soFar;
        if ((from[end] as number) < 0 || score > (best[end] as number)) {
          best[end] = score;
          from[end] = start;
          unknown[end] = 0;
        }
        if (end === next) single = true;
      }
      if (!single) {
        const score = Math.fround(this.#unknownScore + soFar);
        if ((from[next] as number) < 0 || score > (best[next] as number)) {
          best[next] = score;
          from[next] = start;
          unknown[next] = 1;
        }
      }
      start = next;
    }
    const path: { end: number; unknown: boolean }[] = [];
    for (let end = text.length; end > 0; end = from[end] as number) path.push({ end, unknown: unknown[end] === 1 });
    return path.reverse();
  }

  /** The text of pieces: of those that are not the model's as they are. */
  decodePieces(pieces: readonly string[]): string {
    const { addDummyPrefix, removeExtraWhitespaces, unkSurface } = this.#model;
    let [text, bytes]: [string, number[]] = ["", []];
    let [atStart, blankTaken] = [true, false];
    const flush = () => {
      text += textOfBytes(bytes);
      bytes = [];
    };
    for (const piece of pieces) {
      const type = this.#types.get(piece);
      if (type === "byte") {
        bytes.push(Number.parseInt(piece.slice(3, 5), 16));
        continue;
      }
      flush();
      if (blankTaken || text !== "") atStart = false;
      blankTaken = false;
      if (type === undefined) text += piece;
      else if (type === "unknown") text += unkSurface;
      else if (type !== "control") {
        const takes = atStart && (addDummyPrefix || removeExtraWhitespaces) && piece.startsWith(SPACE_MARK);
        blankTaken = takes && !removeExtraWhitespaces; // else all blanks at the start go
        text += (takes ? piece.slice(1) : piece).replaceAll(SPACE_MARK, " ");
      }
    }
    flush();
    return text;
  }
}

/** The least and the largest; a list of many is too long to be arguments. */
function bounds(values: readonly number[]): readonly [number, number] {
  return values.reduce(([least, most], one) => [Math.min(least, one), Math.max(most, one)], [Infinity, -Infinity]);
}

function utf8Of(text: string): number[] {
  const bytes: number[] = [];
  for (const char of text) pushUtf8(char.codePointAt(0) ?? 0, bytes);
  return bytes;
}

function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** The text of some bytes; each that is no part of a character is one U+FFFD. */
function textOfBytes(bytes: readonly number[]): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const char = at + length <= bytes.length ? strictUtf8(bytes.slice(at, at + length)) : null;
    text += char ?? "\ufffd";
    at += char === null ? 1 : length;
  }
  return text;
}
