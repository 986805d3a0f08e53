// `kindling run` for classifiers, taggers, readers and masked language models: pipelines, and how their results look in a terminal.

import { text as readStream } from "node:stream/consumers";
import { styleText } from "node:util";
import { ArgumentError } from "../../base/errors.ts";
import { readJsonl } from "../../data/jsonl.node.ts";
import { pipeline } from "../../pipelines/pipeline.ts";
import type { AggregationStrategy, Entity } from "../../pipelines/token-classification.ts";
import { collectTexts } from "../texts.ts";
import { checkHead } from "./heads.ts";

interface Flags {
  readonly model: string;
  readonly file?: string;
  readonly batchSize: number;
  readonly json?: boolean;
}
type TopK = Flags & { readonly topK: number };

const percent = (score: number): string => `${(100 * score).toFixed(1)}%`;
const start = (text: string): string => {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > 72 ? `${line.slice(0, 72)}…` : line;
};

function print(flags: Flags, results: unknown, lines: readonly string[]): void {
  console.log(flags.json === true ? JSON.stringify(results, null, 2) : lines.join("\n"));
}

export async function classify(given: readonly string[], flags: TopK): Promise<void> {
  const texts = await collectTexts("text-classification", given, flags.file);
  await checkHead(flags.model, "text-classification");
  const run = await pipeline("text-classification", flags.model);
  const { batchSize, topK } = flags;
  const results = await run(texts, { batchSize, topK, truncation: true });
  const lines = results.map((classes, i) => {
    const shown = classes.map(({ label, score }) => `${label} ${percent(score)}`).join(", ");
    return texts.length === 1 ? shown : `${shown}  ${start(texts[i]!)}`;
  });
  print(flags, results, lines);
}

export async function tag(
  given: readonly string[],
  flags: Flags & { readonly aggregation: AggregationStrategy; readonly stride?: number },
): Promise<void> {
  const texts = await collectTexts("token-classification", given, flags.file);
  await checkHead(flags.model, "token-classification");
  const run = await pipeline("token-classification", flags.model);
  const { batchSize, aggregation: aggregationStrategy, stride } = flags;
  const results = await run(texts, { batchSize, aggregationStrategy, ...(stride !== undefined && { stride }) });
  const inColour = process.stdout.isTTY === true;
  const lines = texts.flatMap((text, i) => (inColour ? [highlighted(text, results[i]!)] : listed(results[i]!)));
  print(flags, results, lines);
}

const kindOf = ({ entity, entity_group: group }: Entity): string => group ?? entity ?? "";

function listed(entities: readonly Entity[]): string[] {
  return entities.map((one) => [kindOf(one), one.word, percent(one.score), `${one.start}-${one.end}`].join("\t"));
}

const colours = ["bgCyan", "bgYellow", "bgGreen", "bgMagenta", "bgBlue", "bgRed"] as const;

/** A text with its entities on colours, the same for each kind, with their names behind them. */
export function highlighted(text: string, entities: readonly Entity[]): string {
  const kinds = [...new Set(entities.map((one) => kindOf(one).replace(/^[BI]-/, "")))].sort();
  let [shown, at] = ["", 0];
  for (const one of [...entities].sort((a, b) => a.start - b.start)) {
    if (one.start < at) continue;
    const kind = kindOf(one);
    const colour = colours[kinds.indexOf(kind.replace(/^[BI]-/, "")) % colours.length]!;
    const mark = (part: string): string => styleText(["black", colour], part, { validateStream: false });
    shown += `${text.slice(at, one.start)}${mark(text.slice(one.start, one.end))}${styleText("dim", ` ${kind}`, { validateStream: false })}`;
    at = one.end;
  }
  return shown + text.slice(at);
}

interface QuestionFlags extends TopK {
  readonly question?: string;
  readonly context?: string;
  readonly nullAnswers?: boolean;
}

export async function answer(flags: QuestionFlags): Promise<void> {
  const questions = await questionsOf(flags);
  await checkHead(flags.model, "question-answering");
  const run = await pipeline("question-answering", flags.model);
  const { batchSize, topK, nullAnswers = false } = flags;
  const results = await run(questions, { batchSize, topK, handleImpossibleAnswer: nullAnswers });
  const lines = results.flatMap((answers, i) => [
    ...(questions.length === 1 ? [] : [questions[i]!.question]),
    ...answers.map(
      (one) =>
        `${questions.length === 1 ? "" : "  "}${one.answer === "" ? "(no answer)" : one.answer}  ${percent(one.score)}`,
    ),
  ]);
  print(flags, results, lines);
}

async function questionsOf({
  file,
  question,
  context,
}: QuestionFlags): Promise<{ question: string; context: string }[]> {
  if (file !== undefined) return readJsonl(file, { columns: ["question", "context"] });
  if (question === undefined)
    throw new ArgumentError(
      "run question-answering: no question was given. Pass --question with --context, or a --file.",
      {},
    );
  if (context !== undefined) return [{ question, context }];
  if (process.stdin.isTTY)
    throw new ArgumentError(
      "run question-answering: no text was given to read. Pass it with --context, or as standard input.",
      {},
    );
  return [{ question, context: await readStream(process.stdin) }];
}

export async function fill(given: readonly string[], flags: TopK): Promise<void> {
  const texts = await collectTexts("fill-mask", given, flags.file);
  await checkHead(flags.model, "fill-mask");
  const run = await pipeline("fill-mask", flags.model);
  const { batchSize, topK } = flags;
  const results = await run([...texts], { batchSize, topK });
  // One mask gives a list of words, several give a list for each.
  const lines = results.flatMap((found) => {
    const masks = (Array.isArray(found[0]) ? found : [found]) as readonly (readonly {
      token_str: string;
      score: number;
    }[])[];
    return masks.map((words) =>
      words.map(({ token_str: word, score }) => `${word.trim()} ${percent(score)}`).join(", "),
    );
  });
  print(flags, results, lines);
}
