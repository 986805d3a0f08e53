// A SentencePiece model (https://github.com/google/sentencepiece, src/sentencepiece_model.proto): pieces with scores, and how it
// was trained and normalizes. Only what tokenizing needs is kept; unknown fields are passed over, as in any protocol buffer.

import { CheckpointError } from "../base/errors.ts";
import { type ProtobufField, ProtobufReader } from "./protobuf.ts";

const pieceTypes = { 1: "normal", 2: "unknown", 3: "control", 4: "userDefined", 5: "unused", 6: "byte" } as const;
const modelTypes = { 1: "unigram", 2: "bpe", 3: "word", 4: "char" } as const;

export type Piece = {
  readonly piece: string;
  readonly score: number;
  readonly type: (typeof pieceTypes)[keyof typeof pieceTypes];
};

export type SentencePieceModel = {
  readonly pieces: readonly Piece[];
  readonly modelType: (typeof modelTypes)[keyof typeof modelTypes];
  readonly byteFallback: boolean;
  /** -1 for a token that the model does not have. */
  readonly unkId: number;
  readonly bosId: number;
  readonly eosId: number;
  readonly unkPiece: string;
  readonly bosPiece: string;
  readonly eosPiece: string;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  readonly escapeWhitespaces: boolean;
  /** The mark of a space stands behind words instead of before them. */
  readonly whitespaceAsSuffix: boolean;
  /** What the unknown piece is decoded as. */
  readonly unkSurface: string;
  /** The table of normalization; empty for none. */
  readonly charsmap: Uint8Array;
  /** Decoded texts go through a table of their own. */
  readonly denormalizes: boolean;
};

type Writable<T> = { -readonly [name in keyof T]: T[name] };

/** The model in the bytes of a `.model` file. */
export function readSentencePiece(bytes: Uint8Array, where: string): SentencePieceModel {
  const pieces: Piece[] = [];
  const model: Writable<SentencePieceModel> = {
    pieces,
    modelType: "unigram",
    byteFallback: false,
    unkId: 0,
    bosId: 1,
    eosId: 2,
    unkPiece: "<unk>",
    bosPiece: "<s>",
    eosPiece: "</s>",
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
    whitespaceAsSuffix: false,
    unkSurface: " \u2047 ",
    charsmap: new Uint8Array(0),
    denormalizes: false,
  };
  for (const field of new ProtobufReader(bytes, where).fields()) {
    if (field.number === 1)
      pieces.push(readPiece(messageOf(field, where, "pieces"), `${where}: piece ${pieces.length}`));
    else if (field.number === 2) readTrainerSpec(messageOf(field, where, "trainer_spec"), model, where);
    else if (field.number === 3) readNormalizerSpec(messageOf(field, where, "normalizer_spec"), model, where);
    else if (field.number === 5) model.denormalizes = hasTable(messageOf(field, where, "denormalizer_spec"), where);
  }
  if (pieces.length === 0)
    throw new CheckpointError(`${where}: there are no pieces in it; it is no SentencePiece model.`, { where });
  if (model.unkId >= pieces.length) {
    throw new CheckpointError(
      `${where}: trainer_spec.unk_id is ${model.unkId}, but there are ${pieces.length} pieces.`,
      {
        where,
        unkId: model.unkId,
      },
    );
  }
  return model;
}

type Message = Iterable<ProtobufField>;

function readPiece(message: Message, where: string): Piece {
  let [piece, score, type]: [string, number, Piece["type"]] = ["", 0, "normal"];
  for (const field of message) {
    if (field.number === 1) piece = textOf(field, where);
    else if (field.number === 2) score = floatOf(field, where);
    else if (field.number === 3) type = nameOf(pieceTypes, field, `${where}: type`);
  }
  if (piece === "") throw new CheckpointError(`${where}: the piece is empty.`, { where });
  if (!Number.isFinite(score))
    throw new CheckpointError(`${where}: the score of "${piece}" is ${score}.`, { where, piece });
  return { piece, score, type };
}

function readTrainerSpec(message: Message, model: Writable<SentencePieceModel>, file: string): void {
  const where = `${file}: trainer_spec`;
  for (const field of message) {
    if (field.number === 3) model.modelType = nameOf(modelTypes, field, `${where}.model_type`);
    else if (field.number === 24) model.whitespaceAsSuffix = numberOf(field, where) !== 0;
    else if (field.number === 35) model.byteFallback = numberOf(field, where) !== 0;
    else if (field.number === 40) model.unkId = idOf(field, where);
    else if (field.number === 41) model.bosId = idOf(field, where);
    else if (field.number === 42) model.eosId = idOf(field, where);
    else if (field.number === 44) model.unkSurface = textOf(field, where);
    else if (field.number === 45) model.unkPiece = textOf(field, where);
    else if (field.number === 46) model.bosPiece = textOf(field, where);
    else if (field.number === 47) model.eosPiece = textOf(field, where);
  }
}

function readNormalizerSpec(message: Message, model: Writable<SentencePieceModel>, file: string): void {
  const where = `${file}: normalizer_spec`;
  for (const field of message) {
    if (field.number === 2) model.charsmap = bytesOf(field, where);
    else if (field.number === 3) model.addDummyPrefix = numberOf(field, where) !== 0;
    else if (field.number === 4) model.removeExtraWhitespaces = numberOf(field, where) !== 0;
    else if (field.number === 5) model.escapeWhitespaces = numberOf(field, where) !== 0;
  }
}

function hasTable(message: Message, file: string): boolean {
  let found = false;
  for (const field of message) if (field.number === 2) found = bytesOf(field, `${file}: denormalizer_spec`).length > 0;
  return found;
}

function messageOf(field: ProtobufField, file: string, name: string): Message {
  return new ProtobufReader(bytesOf(field, `${file}: ${name}`), `${file}: ${name}`, field.at).fields();
}

function bytesOf(field: ProtobufField, where: string): Uint8Array {
  return field.value instanceof Uint8Array && field.wire === "bytes" ? field.value : wrong(field, where);
}

function numberOf(field: ProtobufField, where: string): number {
  return typeof field.value === "number" ? field.value : wrong(field, where);
}

/** An id; negative ones, which say that there is no such token, are written as large numbers. */
function idOf(field: ProtobufField, where: string): number {
  const id = numberOf(field, where);
  return id < 2 ** 31 ? id : -1;
}

function floatOf(field: ProtobufField, where: string): number {
  if (!(field.value instanceof Uint8Array) || field.wire !== "raw32") return wrong(field, where);
  return new DataView(field.value.buffer, field.value.byteOffset, 4).getFloat32(0, true);
}

function textOf(field: ProtobufField, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(field, where));
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(`${where}: field ${field.number} is no UTF-8 (byte ${field.at}).`, { where }, { cause });
  }
}

function nameOf<T extends string>(names: { readonly [value: number]: T }, field: ProtobufField, where: string): T {
  const value = numberOf(field, where);
  const name = names[value];
  if (name === undefined)
    throw new CheckpointError(`${where}: there is no ${value} (byte ${field.at}).`, { where, value });
  return name;
}

function wrong(field: ProtobufField, where: string): never {
  throw new CheckpointError(`${where}: field ${field.number} is written as ${field.wire} (byte ${field.at}).`, {
    where,
    byte: field.at,
  });
}
