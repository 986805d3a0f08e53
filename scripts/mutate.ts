// Whether the tests notice when the code is wrong: `npm run mutate -- [--only TEXT] [--list] [--jobs N] [--write]` breaks one place of
// `mutations/` at a time, in a copy of the sources, and runs the tests that should fail. A survivor is a missing test.
//
//   caught     a test failed            survived   none did            broken   the file did not even load, which proves nothing

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Mutation, placeOf } from "./mutations/place.ts";
import { mutations } from "./mutations.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What the tests read; the packages are linked. */
const copied = ["src", "test", "scripts", "docs", "examples", "package.json", "tsconfig.json"];

const help = `npm run mutate -- [options]
  --only TEXT   only places whose file or name holds the text
  --list        print the places, run nothing
  --jobs N      so many at a time (2)
  --write       renew docs/mutations.md, with --only these rows of it`;

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** A failed test: its file, and its name, or undefined where the file did not load. */
interface Failure {
  readonly file: string;
  readonly test: string | undefined;
  readonly reason: string;
}

/** Runs test files in `folder`, one after another, until one test fails. */
async function firstFailure(folder: string, files: readonly string[]): Promise<Failure | undefined> {
  for (const file of files) {
    const stop = new AbortController();
    let found: Failure | undefined;
    const events = run({
      cwd: folder,
      files: [join(folder, file)],
      execArgv: ["--conditions=kindling-source"],
      timeout: 300_000,
      signal: stop.signal,
    });
    events.on("test:fail", ({ name, details: { error } }) => {
      if (found !== undefined || (error as { failureType?: string }).failureType === "subtestsFailed") return;
      const loads = !name.endsWith(".test.ts");
      const cause: unknown = error.cause ?? error;
      found = { file, test: loads ? name : undefined, reason: cause instanceof Error ? cause.message : String(cause) };
      stop.abort();
    });
    for await (const _ of events);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Outcome {
  readonly mutation: Mutation;
  readonly failure: Failure | undefined;
  readonly seconds: number;
}

async function tryOne(folder: string, mutation: Mutation): Promise<Outcome> {
  const path = join(folder, "src", mutation.file);
  const source = readFileSync(path, "utf8");
  const { begin, end } = placeOf(mutation, source);
  const start = performance.now();
  writeFileSync(path, source.slice(0, begin) + mutation.put + source.slice(end));
  try {
    const failure = await firstFailure(folder, mutation.tests);
    return { mutation, failure, seconds: (performance.now() - start) / 1000 };
  } finally {
    writeFileSync(path, source);
  }
}

const verdicts = ["caught", "survived", "broken"] as const;
function verdictOf({ failure }: Outcome): (typeof verdicts)[number] {
  if (failure === undefined) return "survived";
  return failure.test === undefined ? "broken" : "caught";
}

function show(outcome: Outcome): string {
  const { mutation, failure, seconds } = outcome;
  const by =
    failure === undefined ? `by ${mutation.tests.join(", ")}` : `by ${failure.file}: ${failure.test ?? failure.reason}`;
  return `${verdictOf(outcome).padEnd(8)} ${mutation.file}: ${mutation.name} (${mutation.flip}) ${by} (${seconds.toFixed(1)} s)`;
}

/** A copy of the sources, which does not outlive this program. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), "kindling-mutate-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Every place, several at a time, each in a copy that nobody else writes to. */
async function tryAll(chosen: readonly Mutation[], jobs: number): Promise<Outcome[]> {
  const folders = Array.from({ length: Math.min(jobs, chosen.length) }, copy);
  const tests = [...new Set(chosen.flatMap((m) => m.tests))];
  const broken = await firstFailure(folders[0]!, tests);
  if (broken !== undefined)
    throw new Error(`${broken.file} fails as it is: ${broken.test ?? ""} ${broken.reason}. Mend that first.`);
  const outcomes = new Array<Outcome>(chosen.length);
  let next = 0;
  await Promise.all(
    folders.map(async (folder) => {
      while (next < chosen.length) {
        const at = next++;
        outcomes[at] = await tryOne(folder, chosen[at]!);
        console.log(show(outcomes[at]!));
      }
    }),
  );
  return outcomes;
}

const pagePath = join(root, "docs/mutations.md");
const keyOf = (m: Mutation): string => `| ${m.file} | ${m.name} | ${m.flip} |`;

/** The page's rows by their place: those just tried, and of the others what the page said. */
function rowsOf(outcomes: readonly Outcome[]): string[] {
  const code = (text: string): string => `\`${text.replace(/\s+/g, " ").replaceAll("|", "\\|")}\``;
  const made = outcomes.map(({ mutation: m, failure }) => {
    const caught = failure === undefined ? "**survived**" : `${failure.file}: ${failure.test ?? "**did not load**"}`;
    return `${keyOf(m)} ${code(m.find)} | ${code(m.put)} | ${caught.replaceAll("|", "\\|")} |`;
  });
  const known = existsSync(pagePath) ? readFileSync(pagePath, "utf8").split("\n") : [];
  return mutations.flatMap((m) => [...made, ...known].find((row) => row.startsWith(keyOf(m))) ?? []);
}

function page(rows: readonly string[]): string {
  const caught = rows.filter((row) => !/\*\*(survived|did not load)\*\*/.test(row)).length;
  return `# Mutations

Whether the tests notice when the code is wrong. \`npm run mutate -- --write\` breaks each of these places of \`src/\` in turn, in a copy of
the sources, runs the tests that should notice until one fails, and makes this page. \`scripts/mutations/\` holds the list.

${caught} of ${mutations.length} are caught.

| file | what | flipped | from | to | caught by |
|---|---|---|---|---|---|
${rows.join("\n")}
`;
}

async function main(): Promise<void> {
  if (flags.help) return console.log(help);
  const jobs = Number(flags.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error(`--jobs ${flags.jobs}; wants a whole number from 1.`);
  const chosen = mutations.filter((m) => `${m.file}: ${m.name}`.includes(flags.only));
  if (chosen.length === 0) throw new Error(`--only ${flags.only}: no place is called that; --list names them.`);
  for (const m of chosen) placeOf(m, readFileSync(join(root, "src", m.file), "utf8")); // all, before any test runs
  if (flags.list) {
    for (const m of chosen) console.log(`${m.file}: ${m.name} (${m.flip})\n  - ${m.find}\n  + ${m.put}`);
    return;
  }
  const outcomes = await tryAll(chosen, jobs);
  const count = (verdict: string): number => outcomes.filter((o) => verdictOf(o) === verdict).length;
  const summary = `${outcomes.length} places: ${verdicts.map((v) => `${count(v)} ${v}`).join(", ")}.`;
  for (const outcome of outcomes) if (verdictOf(outcome) !== "caught") console.error(show(outcome));
  console.log(summary);
  if (flags.write) {
    writeFileSync(pagePath, page(rowsOf(outcomes)));
    console.log(`wrote ${relative(root, pagePath)}`);
  }
  if (count("caught") < outcomes.length) process.exitCode = 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // which removes the copies
await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
