// The commands for encoders: from rows to a model, its figures and its use. They run in this process, since each start of the command
// costs more than the work.

import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { Command } from "commander";
import type { DataFlags } from "../../src/cli/encoders/recipe.ts";
import { highlighted } from "../../src/cli/encoders/run-tasks.ts";
import { encoderTasks } from "../../src/cli/encoders/tasks.ts";
import { addEvaluate } from "../../src/cli/evaluate.ts";
import { addRun } from "../../src/cli/run.ts";
import { addTrain } from "../../src/cli/train.ts";
import { AutoTokenizer } from "../../src/models/pretrained-files.ts";
import { RobertaForSequenceClassification } from "../../src/models/roberta.ts";
import { savePretrained } from "../../src/text/tokenizer.node.ts";
import { newFolder } from "./kindling.ts";

const root = newFolder();
after(() => rmSync(root, { recursive: true, force: true }));

function program(): Command {
  const made = new Command("kindling").exitOverride();
  for (const add of [addTrain, addEvaluate, addRun]) add(made);
  return made;
}

/** What the command prints on standard output. */
async function kindling(...args: readonly string[]): Promise<string> {
  const { log, error } = console;
  const lines: string[] = [];
  console.log = (text: string) => void lines.push(text);
  console.error = () => {};
  try {
    await program().parseAsync(args, { from: "user" });
  } finally {
    Object.assign(console, { log, error });
  }
  return lines.join("\n");
}

const file = (name: string, content: string): string => {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
};
const jsonl = (name: string, rows: readonly object[]): string =>
  file(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

const people = ["Ada", "Grace", "Alan", "Mary"];
const towns = ["London", "Paris", "Rome", "Berlin"];
const stories = Array.from({ length: 16 }, (_, i) => {
  const [who, where] = [people[i % 4]!, towns[(i * 3 + (i >> 2)) % 4]!];
  return { who, where, text: `${who} went to ${where}.`, isSouth: ["Rome", "Paris"].includes(where) };
});

const sizes = "--hidden-size 16 --layers 1 --vocab-size 290 --max-length 32 --batch-size 8 --max-steps 4 --log-steps 2";
const train = (task: string, data: string, output: string, ...more: readonly string[]): Promise<string> =>
  kindling(
    "train",
    task,
    "--train",
    data,
    "--validation",
    data,
    "--output",
    join(root, output),
    ...sizes.split(" "),
    ...more,
  );

test("texts are classified: a model, its table and matrix, an adapter on it", async () => {
  const data = jsonl(
    "classes.jsonl",
    stories.map(({ text, isSouth }) => ({ text, label: isSouth ? "south" : "north" })),
  );
  const told = await train(
    "text-classification",
    data,
    "classes",
    "--report-to",
    "tensorboard",
    "--early-stopping",
    "3",
  );
  assert.match(told, /\nnorth +\d\.\d+ .*\nsouth +\d/);
  const folder = join(root, "classes");
  for (const name of ["config.json", "model.safetensors", "loss.svg", "confusion-matrix.svg", "runs"])
    assert.ok(existsSync(join(folder, name)), name);
  const card = readFileSync(join(folder, "README.md"), "utf8");
  assert.match(card, /pipeline_tag: text-classification/);
  assert.match(card, /- accuracy: /);
  const figures = JSON.parse(
    await kindling("evaluate", "text-classification", "--model", folder, "--data", data, "--json"),
  );
  assert.equal(figures.rows, 16);
  assert.deepEqual(Object.keys(figures.classes), ["north", "south"]);
  const adapter = join(root, "adapter");
  await train("text-classification", data, "adapter", "--model", folder, "--lora", "2");
  assert.equal(JSON.parse(readFileSync(join(adapter, "adapter_config.json"), "utf8")).base_model_name_or_path, folder);
  const scores = JSON.parse(
    await kindling("run", "text-classification", "--model", adapter, "--top-k", "2", "--json", "Ada went to Rome."),
  );
  assert.deepEqual(scores[0].map(({ label }: { label: string }) => label).sort(), ["north", "south"]);
  const adapted = JSON.parse(
    await kindling("evaluate", "text-classification", "--model", adapter, "--data", data, "--json"),
  );
  assert.equal(adapted.rows, 16);

  const other = jsonl("other.jsonl", [
    { text: "a text", label: "east" },
    { text: "a text", label: "west" },
  ]);
  await assert.rejects(
    train("text-classification", other, "new", "--model", folder),
    /other\.jsonl: the model's head is for the labels north, south.*--ignore-mismatched-sizes/,
  );
  await assert.rejects(
    kindling("evaluate", "text-classification", "--model", folder, "--data", other),
    /row 0: the label "east" is not among "north", "south"/,
  );
  await assert.rejects(
    train("text-classification", data, "new", "--validation", other),
    /^ArgumentError: read \S+other\.jsonl, line 1: the label "east"/,
  );
  await assert.rejects(train("text-classification", data, "new", "--lora", "2"), /--lora adapts a model that is there/);
  await assert.rejects(train("text-classification", data, "classes"), /holds a run.*--overwrite/);
  for (const [row, complaint] of [
    [{ text: "a" }, /line 1: has no "label"/],
    [{ text: " ", label: "a" }, /line 1: "text" is empty/],
    [{ label: "a" }, /line 1: has no "text"/],
  ] as const)
    await assert.rejects(train("text-classification", jsonl("bad.jsonl", [row]), "new"), complaint);
  assert.ok(!existsSync(join(root, "new", "log.jsonl")));
});

test("a run that was cut off goes on to the same weights, of a model and of an adapter", async () => {
  const data = jsonl(
    "resumed.jsonl",
    stories.map(({ text, isSouth }) => ({ text, label: isSouth ? "south" : "north" })),
  );
  const each = ["--eval-steps", "2"];
  for (const [name, weights, more] of [
    ["whole", "model.safetensors", []],
    [
      "whole-adapter",
      "adapter_model.safetensors",
      ["--model", join(root, "whole"), "--lora", "2", "--lora-dropout", "0.3"],
    ],
  ] as const) {
    await train("text-classification", data, name, ...each, ...more);
    const [straight, cut] = [join(root, name), join(root, `${name}-cut`)];
    cpSync(straight, cut, { recursive: true });
    for (const lost of ["checkpoint-4", weights, "log.jsonl"]) rmSync(join(cut, lost), { recursive: true });
    const middle = (): number => statSync(join(cut, "checkpoint-2", weights)).mtimeMs;
    const before = middle();
    await train("text-classification", data, `${name}-cut`, ...each, ...more, "--resume");
    assert.equal(middle(), before, "it goes on from the middle, where a run from the start would save again");
    for (const file of [weights, `checkpoint-4/${weights}`, "checkpoint-4/optimizer.safetensors"])
      assert.ok(readFileSync(join(straight, file)).equals(readFileSync(join(cut, file))), `${name}: ${file}`);
    const losses = (folder: string): unknown =>
      JSON.parse(readFileSync(join(folder, "checkpoint-4", "trainer_state.json"), "utf8")).log_history.map(
        ({ step, loss }: { step: number; loss?: number }) => [step, loss],
      );
    assert.deepEqual(losses(cut), losses(straight));
  }
  const other = ["--max-steps", "6", "--resume"];
  await train("text-classification", data, "whole-cut", ...each, ...other); // and on from its end
  assert.ok(existsSync(join(root, "whole-cut", "checkpoint-6")));
});

test("texts are cut to what the model takes, whatever the tokenizer says", async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(join(root, "classes"));
  tokenizer.modelMaxLength = Number.POSITIVE_INFINITY;
  const config = { hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 8, numLabels: 2 };
  const { vocabSize } = tokenizer;
  const model = new RobertaForSequenceClassification({
    ...config,
    vocabSize,
    maxPositionEmbeddings: 24,
    padTokenId: 3,
  });
  assert.equal(model.longestText, 20);
  const folder = join(root, "short");
  await model.savePretrained(folder);
  await savePretrained(tokenizer, folder);
  const data = jsonl(
    "long.jsonl",
    ["LABEL_0", "LABEL_1"].map((label) => ({ text: "Ada went to Rome. ".repeat(20), label })),
  );
  const more = ["--model", folder, "--max-steps", "1"];
  await train("text-classification", data, "long", ...more);
  const told = await kindling("evaluate", "text-classification", "--model", folder, "--data", data, "--json");
  assert.equal(JSON.parse(told).rows, 2);
});

test("several labels and numbers are learnt too, from CSV as well", async () => {
  const several = jsonl(
    "several.jsonl",
    stories.map(({ text, who, where }) => ({ text, labels: [who, where] })),
  );
  assert.match(await train("text-classification", several, "several"), /averagePrecision/);
  const numbers = file(
    "numbers.csv",
    `body,score\n${stories.map(({ text, who }) => `${text},${who.length + 0.5}`).join("\n")}\n`,
  );
  const told = await train(
    "text-classification",
    numbers,
    "numbers",
    "--text-column",
    "body",
    "--label-column",
    "score",
  );
  assert.match(told, /spearman/);
});

test("words are tagged, from marked spans and from CoNLL files", async () => {
  const spans = jsonl(
    "spans.jsonl",
    stories.map(({ text, who, where }) => ({
      text,
      entities: [
        { start: 0, end: who.length, label: "PER" },
        { start: text.indexOf(where), end: text.indexOf(where) + where.length, label: "LOC" },
      ],
    })),
  );
  assert.match(await train("token-classification", spans, "tags"), /\nLOC .*\nPER /);
  const conll = file(
    "tags.conll",
    stories.map(({ who, where }) => `${who} B-PER\nwent O\nto O\n${where} B-LOC\n`).join("\n"),
  );
  const bare = jsonl("bare.jsonl", [{ tokens: ["Ada"] }]);
  await assert.rejects(
    train("token-classification", bare, "new"),
    /line 1: has "tokens" but no "tags"; its keys are tokens/,
  );
  const model = join(root, "tags");
  const figures = JSON.parse(
    await kindling("evaluate", "token-classification", "--model", model, "--data", conll, "--json"),
  );
  assert.deepEqual(Object.keys(figures.types).sort(), ["LOC", "PER"]);
  assert.ok(
    Array.isArray(
      JSON.parse(await kindling("run", "token-classification", "--model", model, "--json", "Ada went to Rome."))[0],
    ),
  );
});

test("entities stand out in a terminal", () => {
  const entities = [
    { entity_group: "PER", score: 1, word: "Ada", start: 0, end: 3 },
    { entity_group: "LOC", score: 1, word: "Rome", start: 12, end: 16 },
  ];
  const shown = highlighted("Ada went to Rome.", entities);
  const plain = stripVTControlCharacters(shown);
  assert.equal(plain, "Ada PER went to Rome LOC.");
  assert.ok(shown.includes("\u001b[") && shown !== plain);
});

test("answers are found, also where there is none", async () => {
  const data = jsonl(
    "questions.jsonl",
    stories.map(({ text, who, where }, i) => ({
      question: `Where did ${who} go?`,
      context: text,
      answers: i % 4 === 0 ? [] : [where],
    })),
  );
  const told = await train("question-answering", data, "reader", "--doc-stride", "4", "--null-answers");
  assert.match(told, /exactMatch +[\d.]+\n.*\nwith an answer: 12 questions.*\nwithout: 4 questions/);
  const model = join(root, "reader");
  const [found] = JSON.parse(
    await kindling(
      "run",
      "question-answering",
      "--model",
      model,
      "--question",
      "Who?",
      "--context",
      stories[0]!.text,
      "--json",
    ),
  );
  assert.equal(found[0].answer, stories[0]!.text.slice(found[0].start, found[0].end));
  await assert.rejects(kindling("run", "question-answering", "--model", model), /no question was given/);
  const bad = jsonl("bad-questions.jsonl", [{ question: "Who?", context: "Ada.", answers: ["Grace"] }]);
  await assert.rejects(
    train("question-answering", bad, "new"),
    /row 0: the answer "Grace" does not stand in the context/,
  );
});

test("masked words are learnt, and sentences embedded and searched", async () => {
  const lines = file("lines.txt", `${stories.map(({ text }) => text).join("\n")}\n`);
  assert.match(await train("fill-mask", lines, "words", "--whole-word-mask"), /perplexity +[\d.]+/);
  const filled = JSON.parse(
    await kindling("run", "fill-mask", "--model", join(root, "words"), "--top-k", "2", "--json", "Ada [MASK] to Rome."),
  );
  assert.equal(filled[0].length, 2);
  const pairs = jsonl(
    "pairs.jsonl",
    stories.map(({ who, where, text }) => ({ anchor: `Where is ${who} ${where}?`, positive: text })),
  );
  assert.match(await train("embeddings", pairs, "sentences", "--model", join(root, "words")), /accuracyAt1 +[\d.]+/);
  const model = join(root, "sentences");
  assert.ok(existsSync(join(model, "1_Pooling", "config.json")));
  const hits = JSON.parse(
    await kindling(
      "run",
      "embeddings",
      "--model",
      model,
      "--search",
      stories[2]!.text,
      "--corpus",
      lines,
      "--top-k",
      "1",
      "--json",
    ),
  );
  assert.equal(hits[0].text, stories[2]!.text); // nothing is closer than the text itself
  const vectors = join(root, "vectors.npy");
  await kindling("run", "embeddings", "--model", model, "--file", lines, "--output", vectors);
  assert.match(readFileSync(vectors, "latin1").slice(0, 128), /NUMPY.*'shape': \(16, 16\)/);
  await assert.rejects(
    kindling("run", "embeddings", "--model", model, "--search", "x"),
    /--search <query> goes with --corpus/,
  );
});

test("what makes no sense to run is told in a sentence", async () => {
  const fixtures = fileURLToPath(new URL("../fixtures/pipelines", import.meta.url));
  const copied = (from: string, name: string, edit: (folder: string) => void): string => {
    cpSync(join(fixtures, from), join(root, name), { recursive: true });
    edit(join(root, name));
    return join(root, name);
  };
  const strange = copied("classifier", "strange", (folder) => {
    const path = join(folder, "config.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"model_type": "bert"', '"model_type": "brt"'));
  });
  const damaged = copied("classifier", "damaged", (folder) => {
    const path = join(folder, "model.safetensors");
    const bytes = readFileSync(path);
    bytes.fill(0xff, bytes.length - 4); // a float32 of all ones is NaN
    writeFileSync(path, bytes);
  });
  const reader = join(fixtures, "reader");
  for (const [complaint, ...args] of [
    [
      /the model type "brt" is not known here; known are bert, .*\. Did you mean bert\?/,
      "text-classification",
      strange,
      "a",
    ],
    [/model\.safetensors: .* holds NaN/, "text-classification", damaged, "a"],
    [/text 1 has no mask; write \[MASK\]/, "fill-mask", join(fixtures, "filler"), "a [MASK]", ""],
    [/"context" is empty/, "question-answering", reader, "--question", "Who?", "--context", ""],
    [/"question" is empty/, "question-answering", reader, "--question", "", "--context", "She."],
  ] as const) {
    const [task, model, ...rest] = args;
    await assert.rejects(kindling("run", task, "--model", model, ...rest), complaint);
  }
  const bare = jsonl("unanswered.jsonl", [{ question: "Who?", context: "She did." }]);
  await assert.rejects(train("question-answering", bare, "new"), /unanswered\.jsonl, row 0: "answers" is missing/);
});

test("every command's help has examples that the command takes, and a row that it reads", async () => {
  for (const task of encoderTasks) {
    const { name, file: ending, row } = task;
    for (const verb of ["train", "evaluate", "run"]) {
      const help = helpOf(verb, name);
      const examples = help.replaceAll("\\\n", " ").matchAll(/^ {2}\$ kindling (.*)$/gm);
      const given = [...examples].map(([, words = ""]) =>
        [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, a, b]) => a ?? b!),
      );
      assert.ok(given.length > 0, `${verb} ${name}`);
      for (const words of given) assert.deepEqual(await parsed(words), [verb, name]);
    }
    const rows = await (await task.recipe()).read(file(`${name}.${ending}`, `${row}\n`), {} as DataFlags); // those of its columns
    assert.equal(rows.length, 1);
    assert.ok(helpOf("train", name).includes(row));
  }
});

function helpOf(verb: string, task: string): string {
  const command = program()
    .commands.find((one) => one.name() === verb)!
    .commands.find((one) => one.name() === task)!;
  let help = "";
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
  return help;
}

/** Which command takes the words, without doing it. */
async function parsed(words: readonly string[]): Promise<string[]> {
  const made = program();
  let taken: string[] = [];
  for (const verb of made.commands)
    for (const command of verb.commands) command.action(() => void (taken = [verb.name(), command.name()]));
  await made.parseAsync(words, { from: "user" });
  return taken;
}

test("a model with another head is refused", async () => {
  const words = join(root, "words");
  const data = jsonl("heads.jsonl", [{ text: "a text", label: "x" }]);
  for (const given of [
    ["evaluate", "text-classification", "--data", data],
    ["run", "token-classification", "a text"],
    ["run", "question-answering", "--question", "Who?", "--context", "Ada."],
  ])
    await assert.rejects(
      kindling(...given, "--model", words),
      /holds a BertForMaskedLM, which has learnt nothing of [\w-]+\. Train it first: kindling train/,
    );
  await assert.rejects(
    kindling("run", "fill-mask", "--model", join(root, "classes"), "[MASK]"),
    /learnt nothing of fill-mask/,
  );
});
