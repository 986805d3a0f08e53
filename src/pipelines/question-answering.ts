// Answers to questions, found in a text, as transformers 4.57 gives them (version 5.3 deleted this pipeline).

import { ArgumentError } from "../base/errors.ts";
import type { QuestionAnsweringModelOutput } from "../models/outputs.ts";
import type { Encoding } from "../text/encoding.ts";
import { checkText, type PipelineOptions, pipelineCall } from "./calls.ts";
import { type Encoder, lengthLimit, padded, rowsOfNumbers, runEncodings, softmax } from "./encoder.ts";

export interface Question {
  readonly question: string;
  readonly context: string;
}

export interface Answer {
  readonly score: number;
  /** `context.slice(start, end)` is the answer; both are 0 where there is none. */
  readonly start: number;
  readonly end: number;
  readonly answer: string;
}

export interface QuestionAnsweringOptions extends PipelineOptions {
  /** How many answers are given, best first. Without it, the best alone. */
  readonly topK?: number;
  /** Tokens that the windows of a long context share. Default 128, at most half of `maxSeqLen`. */
  readonly docStride?: number;
  /** Tokens of an answer. Default 15. */
  readonly maxAnswerLen?: number;
  /** Tokens of question and context together. Default 384, or what tokenizer and model take if that is less. */
  readonly maxSeqLen?: number;
  /** Whether "" may be an answer: there is none in the context. */
  readonly handleImpossibleAnswer?: boolean;
  /** Widens answers to whole words. Default true. */
  readonly alignToWords?: boolean;
}

/** With `topK` a list for each question, shorter where there are fewer answers. */
export interface QuestionAnsweringPipeline {
  (question: Question, options: QuestionAnsweringOptions & { topK: number }): Promise<Answer[]>;
  (question: Question, options?: QuestionAnsweringOptions): Promise<Answer>;
  (questions: readonly Question[], options: QuestionAnsweringOptions & { topK: number }): Promise<Answer[][]>;
  (questions: readonly Question[], options?: QuestionAnsweringOptions): Promise<Answer[]>;
  (
    questions: AsyncIterable<Question> | Generator<Question>,
    options?: QuestionAnsweringOptions,
  ): AsyncGenerator<Answer[]>;
}

export function questionAnswering(encoder: Encoder<QuestionAnsweringModelOutput>): QuestionAnsweringPipeline {
  const call = pipelineCall<Question, Answer[], QuestionAnsweringOptions>(
    encoder.task,
    (questions, options) => answerAll(encoder, questions, options),
    (input, place) => {
      if (typeof input !== "object" || input === null)
        throw new ArgumentError(`${place} is ${input === null ? "null" : typeof input}; wants { question, context }.`, {
          place,
        });
      const { question, context } = input as { readonly question?: unknown; readonly context?: unknown }; // checked next
      for (const [name, text] of Object.entries({ question, context })) {
        checkText(text, `${place}, its "${name}",`);
        if (text === "") throw new ArgumentError(`${place}: "${name}" is empty.`, { place });
      }
    },
  );
  const one = (input: unknown, options: QuestionAnsweringOptions = {}): unknown => {
    const results = call(input as never, options) as unknown; // any of its signatures
    if (options.topK !== undefined || !(results instanceof Promise)) return results;
    return results.then((found: Answer[] | Answer[][]) => (Array.isArray(input) ? found.flat() : found[0]));
  };
  return one as QuestionAnsweringPipeline; // as its signatures say
}

/** A context with a part of it that the model reads. */
interface Window {
  readonly question: number;
  readonly encoding: Encoding;
}
/** An answer's tokens and how likely they are. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

async function answerAll(
  encoder: Encoder<QuestionAnsweringModelOutput>,
  questions: readonly Question[],
  options: QuestionAnsweringOptions,
): Promise<Answer[][]> {
  const settings = checked(encoder, options);
  const windows = questions.flatMap((question, i) => windowsOf(encoder, question, i, settings));
  const spans = new Array<Span[]>(windows.length);
  const nullScores = new Array<number>(windows.length);
  await runEncodings(
    encoder,
    windows.map(({ encoding }) => encoding),
    options,
    ({ startLogits, endLogits }, rows, width) => {
      const [starts, ends] = [rowsOfNumbers(startLogits), rowsOfNumbers(endLogits)];
      rows.forEach((place, row) => {
        const { encoding } = windows[place]!;
        const from = padded(encoder.tokenizer, encoding.length, width);
        const own = (all: Float64Array[]): Float64Array => all[row]!.slice(from, from + encoding.length);
        const may = mayAnswer(encoder, encoding);
        const [start, end] = [probabilities(own(starts), may), probabilities(own(ends), may)];
        nullScores[place] = start[0]! * end[0]!;
        start[0] = end[0] = 0; // the first token says that there is no answer
        spans[place] = bestSpans(start, end, may, settings);
      });
    },
  );
  return questions.map(({ context }, i) => {
    const own = [...windows.keys()].filter((place) => windows[place]!.question === i);
    const answers: Answer[] = [];
    for (const place of own) {
      for (const span of spans[place]!)
        add(answers, answerOf(encoder, windows[place]!.encoding, context, span, settings));
    }
    if (settings.handleImpossibleAnswer)
      answers.push({ score: Math.min(...own.map((place) => nullScores[place]!)), start: 0, end: 0, answer: "" });
    const best = answers.sort((a, b) => b.score - a.score).slice(0, settings.topK);
    return best.length === 0 ? [{ score: 0, start: 0, end: 0, answer: "" }] : best;
  });
}

type Settings = Required<Omit<QuestionAnsweringOptions, keyof PipelineOptions>>;

function checked(encoder: Encoder<unknown>, options: QuestionAnsweringOptions): Settings {
  const maxSeqLen = options.maxSeqLen ?? Math.min(lengthLimit(encoder), 384);
  const { task } = encoder;
  const settings = {
    topK: options.topK ?? 1,
    docStride: options.docStride ?? Math.min(Math.floor(maxSeqLen / 2), 128),
    maxAnswerLen: options.maxAnswerLen ?? 15,
    maxSeqLen,
    handleImpossibleAnswer: options.handleImpossibleAnswer ?? false,
    alignToWords: options.alignToWords ?? true,
  };
  for (const name of ["topK", "maxAnswerLen", "maxSeqLen"] as const) {
    if (Number.isInteger(settings[name]) && settings[name] >= 1) continue;
    throw new ArgumentError(`${task}: ${name} is ${settings[name]}; it is a whole number of at least 1.`, { name });
  }
  if (!(settings.docStride >= 0 && settings.docStride <= maxSeqLen))
    throw new ArgumentError(`${task}: docStride ${settings.docStride} is larger than maxSeqLen, ${maxSeqLen}.`, {
      docStride: settings.docStride,
      maxSeqLen,
    });
  return settings;
}

/** Question and context in the order that the padding asks for; only the context is cut. */
function windowsOf(
  { tokenizer }: Encoder<unknown>,
  { question, context }: Question,
  i: number,
  { maxSeqLen: maxLength, docStride: stride }: Settings,
): Window[] {
  const isQuestionFirst = tokenizer.paddingSide === "right";
  const [text, pair] = isQuestionFirst ? [question, context] : [context, question];
  const strategy = isQuestionFirst ? "onlySecond" : "onlyFirst";
  const side = tokenizer.truncationSide;
  const whole = tokenizer.backend.encode(text, {
    pair,
    padding: null,
    truncation: { maxLength, stride, strategy, side },
  });
  return [whole, ...whole.overflowing].map((encoding) => ({ question: i, encoding }));
}

/** Which tokens an answer may begin or end with: those of the context, and the first special one. */
function mayAnswer({ tokenizer }: Encoder<unknown>, { ids, sequenceIds }: Encoding): boolean[] {
  const context = contextOf(tokenizer.paddingSide);
  return ids.map((id, token) => sequenceIds[token] === context || id === tokenizer.clsTokenId);
}

/** Which of the two texts is the context. */
const contextOf = (paddingSide: "left" | "right"): 0 | 1 => (paddingSide === "right" ? 1 : 0);

function probabilities(logits: Float64Array, may: readonly boolean[]): Float64Array {
  return softmax(logits.map((logit, token) => (may[token] ? logit : -10000)));
}

/** The likeliest pairs of a start and an end; more than are wanted, since widening to words makes some the same. */
function bestSpans(start: Float64Array, end: Float64Array, may: readonly boolean[], settings: Settings): Span[] {
  const { maxAnswerLen, topK, alignToWords } = settings;
  const spans: Span[] = [];
  for (let s = 0; s < start.length; s++) {
    if (!may[s]) continue;
    for (let e = s; e < Math.min(end.length, s + maxAnswerLen); e++) {
      const score = start[s]! * end[e]!;
      if (may[e] && score > 0) spans.push({ start: s, end: e, score });
    }
  }
  return spans.sort((a, b) => b.score - a.score || a.start - b.start).slice(0, alignToWords ? topK * 2 + 10 : topK);
}

function answerOf(
  { tokenizer }: Encoder<unknown>,
  encoding: Encoding,
  context: string,
  { start, end, score }: Span,
  { alignToWords }: Settings,
): Answer {
  const sequence = contextOf(tokenizer.paddingSide);
  const ofWord = (token: number): readonly [number, number] | null => {
    const word = alignToWords ? encoding.tokenToWord(token) : null;
    return word === null ? null : encoding.wordToChars(word, sequence);
  };
  const [first, last] = [ofWord(start), ofWord(end)];
  const isWhole = first !== null && last !== null;
  const from = isWhole ? first[0] : encoding.offsets[start]![0];
  const to = isWhole ? last[1] : encoding.offsets[end]![1];
  return { score, start: from, end: to, answer: context.slice(from, to) };
}

/** Scores of one answer in several windows, or in other letters, add up. */
function add(answers: Answer[], answer: Answer): void {
  const at = answers.findIndex((other) => other.answer.toLowerCase() === answer.answer.toLowerCase());
  if (at < 0) answers.push(answer);
  else answers[at] = { ...answers[at]!, score: answers[at]!.score + answer.score };
}
