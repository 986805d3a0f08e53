// The house and its rules: a folder of src/ imports only from lower floors, and never from a neighbour on its own.
// Run by `npm run check`; every finding names the line, the rule and what to do.
//
//   root entries (src/*.ts)      import anything, are imported by nobody
//   11 … 0                       import downward only
//   *.test.ts, *.cases.ts        may also import from test/; tests may import anything

import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** From the ground up; what stands on one line shares a floor. */
export const floors: readonly (readonly string[])[] = [
  ["base"],
  ["ir"],
  ["emit"],
  ["kernels", "devices"],
  ["ops"],
  ["tensor"],
  ["nn", "optim", "data", "text", "checkpoint", "hub"],
  ["models"],
  ["generation", "peft", "compression", "profiler"],
  ["metrics", "training"],
  ["pipelines"],
  ["cli", "server", "studio"],
];

interface Exception {
  readonly from: string;
  readonly to: string;
  /** Only `import type { … }` of these names; any import where absent. */
  readonly types?: readonly string[];
  readonly because: string;
}

const exceptions: readonly Exception[] = [
  { from: "ops", to: "tensor", types: ["Tensor"], because: "gradients are written in tensor algebra" },
  { from: "cli", to: "server", because: "`kindling serve` starts it" },
  { from: "cli", to: "studio", because: "`kindling studio` starts it" },
];

/** Packages come from here up; the engine below has no dependencies. */
const packagesFromFloor = 6;

const applications = floors.at(-1) ?? [];
const questionedLines = 400;
const longestLines = 600;

/** Files that may be longer than the longest, each with its reason. */
const longFiles: { readonly [file: string]: string } = {};

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly advice: string;
  /** A question does not fail the check. */
  readonly question?: true;
}

interface Import {
  readonly line: number;
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** What `import type { … }` names. */
  readonly names: readonly string[];
}

interface Source {
  readonly file: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** Files of src/ that this one needs when it runs, with the line of the import. */
  readonly needs: Map<string, number>;
}

const floorOf = (folder: string): number => floors.findIndex((names) => names.includes(folder));
const isTest = (file: string): boolean => file.endsWith(".test.ts");
const isWorker = (file: string): boolean => /(^|[./])worker\.ts$/.test(file);
const isCases = (file: string): boolean => file.endsWith(".cases.ts");

/** `src/nn/linear.ts` lies in `nn`, `src/nn.ts` in "" (a root entry). */
function folderOf(file: string): string {
  const parts = file.split("/");
  return parts.length > 2 ? (parts[1] ?? "") : "";
}

/** Node's modules may be used here. */
function isNodePart(file: string): boolean {
  return isTest(file) || file.endsWith(".node.ts") || applications.includes(folderOf(file));
}

/** `import … from "x"`, `export … from "x"`, `import "x"` where a line begins; `import("x")` and types of it anywhere. */
export function readImports(text: string): Import[] {
  const lineAt = (index: number): number => text.slice(0, index).split("\n").length;
  const found: Import[] = [];
  const statement = /^(?:import|export)\s+(type\b(?!\s*,|\s+from\b))?([^;"'`()=]*?\bfrom\s*)?["']([^"'\n]+)["']/gm;
  for (const match of text.matchAll(statement)) {
    const [, type, clause = "", specifier = ""] = match;
    const names = [...clause.replace(/\bfrom\s*$/, "").matchAll(/[\w$*]+(?:\s+as\s+[\w$]+)?/g)];
    found.push({
      line: lineAt(match.index),
      specifier,
      typeOnly: type !== undefined,
      names: names.map(([name]) => name.replace(/\s+as\s.*/, "")),
    });
  }
  const call = /^(?!\s*(?:\*|\/\/|\/\*)).*?\bimport\(\s*["']([^"'\n]+)["']\s*\)(\.[A-Z])?/gm;
  for (const match of text.matchAll(call)) {
    const [whole, specifier = "", member] = match;
    if (/(?:^|\s)\/\//.test(whole)) continue;
    const typeOnly = member !== undefined || /\btypeof\s+import\(/.test(whole);
    found.push({ line: lineAt(match.index), specifier, typeOnly, names: ["*"] });
  }
  return found.sort((a, b) => a.line - b.line);
}

/** The files that a specifier means; `#runtime/…` means one for each runtime. Undefined for packages and `node:`. */
function resolve(from: string, specifier: string): string[] | undefined {
  if (specifier.startsWith("."))
    return [
      normalize(join(dirname(from), specifier))
        .split(sep)
        .join("/"),
    ];
  if (!specifier.startsWith("#runtime/")) return undefined;
  const path = `src/${specifier.slice("#runtime/".length)}`;
  return [`${path}.node.ts`, `${path}.web.ts`];
}

function checkOutside(source: Source, { line, specifier, typeOnly }: Import, packages: readonly string[]): Finding[] {
  const at = { file: source.file, line };
  if (isTest(source.file)) return [];
  if (specifier.startsWith("node:")) {
    if (isNodePart(source.file)) return [];
    const advice = "move it to a *.node.ts with a *.web.ts beside it, and import them as #runtime/…";
    return [{ ...at, rule: `"${specifier}" is not in browsers`, advice }];
  }
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (!typeOnly && !packages.includes(name)) {
    return [
      { ...at, rule: `"${name}" is not a dependency`, advice: "add it to dependencies, or write a path with ./" },
    ];
  }
  const folder = folderOf(source.file);
  if (folder === "" || floorOf(folder) >= packagesFromFloor) return [];
  return [
    { ...at, rule: `${folder}/ has no dependencies`, advice: `packages are for floor ${packagesFromFloor} and up` },
  ];
}

function checkInside(source: Source, { line, specifier, typeOnly, names }: Import, target: string): Finding[] {
  const at = { file: source.file, line };
  if (!target.endsWith(".ts") && !target.endsWith(".json")) {
    return [{ ...at, rule: `"${specifier}" has no .ts ending`, advice: "name the file itself, as Node runs it" }];
  }
  if (isTest(source.file)) return [];
  if (!target.startsWith("src/")) {
    if (isCases(source.file) && target.startsWith("test/")) return [];
    return [{ ...at, rule: `${target} is outside of src/`, advice: "the package holds src/ alone" }];
  }
  if (isTest(target) || (isCases(target) && !isCases(source.file))) {
    return [{ ...at, rule: `${target} is for tests`, advice: "move what is shared to a file of its own" }];
  }
  const variant = /\.(node|web)\.ts$/.test(target) && specifier.startsWith(".") && !typeOnly;
  if (variant && !isNodePart(source.file)) {
    const path = target.slice("src/".length).replace(/\.(node|web)\.ts$/, "");
    return [{ ...at, rule: `${target} is for one runtime`, advice: `import "#runtime/${path}"` }];
  }
  return checkFloor(source.file, at, typeOnly ? names : undefined, target);
}

function checkFloor(
  file: string,
  at: { readonly file: string; readonly line: number },
  types: readonly string[] | undefined,
  target: string,
): Finding[] {
  const [from, to] = [folderOf(file), folderOf(target)];
  if (from === to) return [];
  if (to === "") {
    return [{ ...at, rule: `${target} is a root entry`, advice: "import the file that holds the thing itself" }];
  }
  if (from === "") {
    if (!applications.includes(to)) return [];
    return [{ ...at, rule: `${to}/ is an application`, advice: "nobody imports it; move the shared part down" }];
  }
  if (floorOf(to) < floorOf(from)) return [];
  const exception = exceptions.find((one) => one.from === from && one.to === to);
  if (exception && !exception.types) return [];
  if (exception?.types && types?.every((name) => exception.types?.includes(name))) return [];
  const rule =
    floorOf(to) === floorOf(from)
      ? `${from}/ and ${to}/ share floor ${floorOf(to)}`
      : `${from}/ (floor ${floorOf(from)}) imports ${to}/ (floor ${floorOf(to)})`;
  const advice = exception?.types
    ? `only \`import type { ${exception.types.join(", ")} }\` is allowed, because ${exception.because}`
    : "imports go down: move the thing to a lower floor, or pass it as an argument";
  return [{ ...at, rule, advice }];
}

function checkImport(root: string, source: Source, one: Import, packages: readonly string[]): Finding[] {
  if (isWorker(source.file) && !one.typeOnly) {
    const advice = "bundlers copy a worker alone: import types only, and send it what it needs";
    return [{ file: source.file, line: one.line, rule: `a worker imports "${one.specifier}"`, advice }];
  }
  const targets = resolve(source.file, one.specifier);
  if (!targets) return checkOutside(source, one, packages);
  return targets.flatMap((target) => {
    if (existsSync(join(root, target))) {
      if (!one.typeOnly && !isTest(source.file)) source.needs.set(target, source.needs.get(target) ?? one.line);
    } else if (one.specifier.startsWith("#runtime/")) {
      const advice = "each runtime needs its file: *.node.ts and *.web.ts";
      return [{ file: source.file, line: one.line, rule: `${target} is missing`, advice }];
    }
    return checkInside(source, one, target);
  });
}

/**
 * Files that need each other to run. Cycles of types within a folder are harmless; between folders, some side of any
 * cycle goes up, which `checkFloor` refuses.
 */
function checkCycles(sources: ReadonlyMap<string, Source>): Finding[] {
  const findings: Finding[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (source: Source): void => {
    path.push(source.file);
    for (const [target, line] of source.needs) {
      const start = path.indexOf(target);
      if (start >= 0) {
        const rule = `import cycle: ${[...path.slice(start), target].join(" → ")}`;
        findings.push({ file: source.file, line, rule, advice: "move what both need to a third file" });
      } else if (!done.has(target)) {
        const next = sources.get(target);
        if (next) visit(next);
      }
    }
    path.pop();
    done.add(source.file);
  };
  for (const source of sources.values()) if (!done.has(source.file)) visit(source);
  return findings;
}

function checkLength(file: string, lines: number): Finding[] {
  if (lines <= questionedLines) return [];
  if (lines <= longestLines || Object.hasOwn(longFiles, file)) {
    const advice = longFiles[file] ?? "is it two files?";
    return [{ file, line: lines, rule: `${lines} lines`, advice, question: true }];
  }
  const advice = "split it, or list it in longFiles (scripts/floors.ts) with its reason";
  return [{ file, line: lines, rule: `${lines} lines, over ${longestLines}`, advice }];
}

/** Everything that is wrong or questionable in the tree at `root`. */
export function findings(root: string): Finding[] {
  const names = globSync(["{src,test,scripts,examples,bench}/**/*.ts"], { cwd: root, exclude: ["**/node_modules"] });
  const { dependencies = {} }: { dependencies?: object } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const found: Finding[] = [];
  const sources = new Map<string, Source>();
  for (const name of names.sort()) {
    const file = name.split(sep).join("/");
    const text = readFileSync(join(root, file), "utf8");
    const lines = text.trimEnd().split("\n").length;
    found.push(...checkLength(file, lines));
    if (file.startsWith("src/")) sources.set(file, { file, lines, imports: readImports(text), needs: new Map() });
  }
  for (const source of sources.values()) {
    const folder = folderOf(source.file);
    if (folder !== "" && floorOf(folder) < 0) {
      const advice = "give it a floor in scripts/floors.ts";
      found.push({ file: source.file, line: 1, rule: `${folder}/ is not in the table`, advice });
    }
    for (const one of source.imports) found.push(...checkImport(root, source, one, Object.keys(dependencies)));
  }
  return [...found, ...checkCycles(sources)];
}

if (import.meta.main) {
  const all = findings(fileURLToPath(new URL("..", import.meta.url)));
  for (const { file, line, rule, advice, question } of all) {
    console.log(`${file}:${line}: ${question ? "question: " : ""}${rule}: ${advice}`);
  }
  if (all.some(({ question }) => !question)) process.exitCode = 1;
}
