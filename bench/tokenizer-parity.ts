// Whether our tokenizers equal Rust's: ids, offsets, words, masks, overflow, tokens and decoded text of every case, for each
// tokenizer.json that is named, over data files and hostile texts. Prints the differences and ends with 1 if there are any.
// bench/tokenizer-files.ts fetches and makes such files.
//
//   node bench/tokenizer-parity.ts --python PATH [--data FOLDER] [--sample N] [--kinds data,hostile,blocks,long] FILE …

import { execFileSync, spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { crc32 } from "node:zlib";
import type { Encoding } from "../src/text/encoding.ts";
import { type EncodeOptions, Tokenizer } from "../src/text/tokenizer.ts";
import { everyBlock, hostileTexts, longTexts, numbers } from "./hostile-texts.ts";

const { values: flags, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python" },
    data: { type: "string" },
    /** Every so-manieth row of the data. */
    sample: { type: "string", default: "1" },
    kinds: { type: "string", default: "data,hostile,blocks,long" },
    show: { type: "string", default: "5" },
  },
});

type Case = EncodeOptions & { text: string | string[] };

function* dataTexts(): Generator<string> {
  if (flags.data === undefined) return;
  let row = 0;
  for (const name of readdirSync(flags.data).filter((name) => name.endsWith(".jsonl"))) {
    for (const line of readFileSync(join(flags.data, name), "utf8").split("\n")) {
      if (line === "" || row++ % Number(flags.sample) !== 0) continue;
      for (const value of Object.values(JSON.parse(line) as object)) if (typeof value === "string") yield value;
    }
  }
}

const strategies = ["longestFirst", "onlyFirst", "onlySecond"] as const;
const sides = ["left", "right"] as const;

function* cases(): Generator<Case> {
  const kinds = flags.kinds.split(",");
  if (kinds.includes("data")) for (const text of dataTexts()) yield { text };
  if (kinds.includes("blocks")) for (const text of everyBlock()) yield { text };
  if (kinds.includes("long")) for (const text of longTexts(1 << 20)) yield { text };
  if (!kinds.includes("hostile")) return;
  const random = numbers(5);
  const one = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T; // none is empty
  const texts = [...hostileTexts(3000)];
  for (const text of texts) {
    yield { text };
    if (random() < 0.5) continue;
    const addSpecialTokens = random() < 0.8;
    const words = random() < 0.3;
    const split = (whole: string) => (words ? whole.split(" ") : whole);
    const maxLength = 4 + Math.floor(random() * 20);
    yield {
      text: split(text),
      addSpecialTokens,
      ...(random() < 0.5 && { pair: split(one(texts)) }),
      ...(random() < 0.6 && {
        truncation: { maxLength, stride: Math.floor(random() * 3), side: one(sides), strategy: one(strategies) },
      }),
      ...(random() < 0.4 && {
        padding: {
          side: one(sides),
          padId: 3,
          padTypeId: 1,
          padToken: "<P>",
          ...(random() < 0.5 && { length: 16 }),
          ...(random() < 0.5 && { multipleOf: 8 }),
        },
      }),
    } as Case;
  }
}

/** As tokenizer_parity.py lists it; of what overflows, `post_process` knows neither types nor texts. */
function columns(encoding: Encoding, whole = true): number[] {
  const none = (values: readonly (number | null)[]) => values.map((value) => value ?? -1);
  return [
    [encoding.length],
    encoding.ids,
    encoding.offsets.flat(),
    none(encoding.wordIds),
    whole ? encoding.typeIds : [],
    encoding.specialTokensMask,
    encoding.attentionMask,
    whole ? none(encoding.sequenceIds) : [],
    ...encoding.overflowing.map((one) => columns(one, false)),
  ].flat();
}

function encode(tokenizer: Tokenizer, { text, ...options }: Case) {
  const encoding = tokenizer.encode(text, { truncation: null, padding: null, ...options });
  const decoded = tokenizer.decode(encoding.ids, { skipSpecialTokens: true });
  return { numbers: columns(encoding), tokens: encoding.tokens, decoded };
}

function digest(tokenizer: Tokenizer, one: Case): string {
  try {
    const { numbers: list, tokens, decoded } = encode(tokenizer, one);
    return [Buffer.from(Int32Array.from(list).buffer), tokens.join("\0"), decoded].map((part) => crc32(part)).join(" ");
  } catch {
    return "error error error";
  }
}

const script = fileURLToPath(new URL("peers/tokenizer_parity.py", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "parity-"));
const wellFormed = (key: string, value: unknown) => (typeof value === "string" ? value.toWellFormed() : value);

async function write(file: string, of: Iterable<Case>): Promise<void> {
  const out = createWriteStream(file);
  let part = "";
  for (const one of of) {
    part += `${JSON.stringify(one, wellFormed)}\n`;
    if (part.length < 1 << 20) continue;
    if (!out.write(part)) await new Promise((resolve) => out.once("drain", resolve));
    part = "";
  }
  await new Promise((resolve) => out.end(part, () => resolve(null)));
}

async function compare(file: string, list: string): Promise<number> {
  const tokenizer = Tokenizer.fromJson(JSON.parse(readFileSync(file, "utf8")));
  const python = spawn(flags.python, [script, file, list], { stdio: ["ignore", "pipe", "ignore"] });
  const mine = cases();
  let [seen, wrong] = [0, 0];
  for await (const line of createInterface({ input: python.stdout })) {
    const next = mine.next();
    if (next.done) break;
    seen++;
    const ours = digest(tokenizer, next.value);
    if (ours === line) continue;
    const differs = ours
      .split(" ")
      .map((part, i) => (part === line.split(" ")[i] ? "" : (["numbers", "tokens", "text"][i] ?? "")));
    if (wrong++ < Number(flags.show)) await show(tokenizer, file, next.value, differs.join(" "));
  }
  if (seen === 0) wrong = 1; // the other side said nothing
  console.log(`${wrong === 0 ? "ok   " : "WRONG"} ${file}: ${wrong} of ${seen} cases differ`);
  return wrong;
}

/** Where the two begin to differ. */
async function show(tokenizer: Tokenizer, file: string, one: Case, differs: string): Promise<void> {
  const list = join(scratch, "one.jsonl");
  await write(list, [one]);
  const theirs = JSON.parse(
    execFileSync(flags.python, [script, file, list, "--show"], {
      encoding: "utf8",
      maxBuffer: 1 << 30,
      stdio: ["ignore", "pipe", "ignore"],
    }).trim(),
  ) as {
    error?: string;
    numbers: number[];
    tokens: string[];
    decoded: string;
  };
  console.log(`  ${differs}: ${JSON.stringify(one).slice(0, 600)}`);
  let ours: ReturnType<typeof encode>;
  try {
    ours = encode(tokenizer, one);
  } catch (error) {
    console.log(`    ours: ${String(error)}; theirs: ${theirs.error ?? "no error"}`);
    return;
  }
  if (theirs.error !== undefined) {
    console.log(`    theirs: ${theirs.error}`);
    return;
  }
  const n = Math.max(ours.tokens.length, theirs.tokens.length);
  const token = Array.from({ length: n }, (_, i) => i).find((i) => ours.tokens[i] !== theirs.tokens[i]);
  if (token !== undefined)
    console.log(
      `    token ${token}: ours ${JSON.stringify(ours.tokens.slice(token, token + 6))}, theirs ${JSON.stringify(theirs.tokens.slice(token, token + 6))}`,
    );
  const at = theirs.numbers.findIndex((value, i) => value !== ours.numbers[i]);
  if (at >= 0 || ours.numbers.length !== theirs.numbers.length) {
    const count = theirs.numbers[0] ?? 0;
    const column = ["ids", "offsets", "offsets", "words", "typeIds", "special", "attention", "sequences"][
      Math.floor((at - 1) / count)
    ];
    const place = at > count && at <= 3 * count ? (at - 1 - count) >> 1 : (at - 1) % count;
    console.log(
      `    number ${at} (${column ?? "overflow"} of token ${place} ${JSON.stringify(theirs.tokens[place])}): ours ${ours.numbers.slice(at, at + 6)}, theirs ${theirs.numbers.slice(at, at + 6)}`,
    );
  }
  if (ours.decoded !== theirs.decoded) {
    const from = [...ours.decoded].findIndex((char, i) => char !== [...theirs.decoded][i]);
    console.log(
      `    text ${from}: ours ${JSON.stringify(ours.decoded.slice(from, from + 30))}, theirs ${JSON.stringify(theirs.decoded.slice(from, from + 30))}`,
    );
  }
}

let wrong = 0;
try {
  const list = join(scratch, "cases.jsonl");
  await write(list, cases());
  for (const file of files) wrong += await compare(file, list);
} finally {
  rmSync(scratch, { recursive: true });
}
process.exitCode = wrong === 0 ? 0 : 1;
