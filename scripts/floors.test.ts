import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { findings, readImports } from "./floors.ts";

/** Findings for a tree of these files, as "file:line rule". */
function check(files: { readonly [file: string]: string }): string[] {
  const root = mkdtempSync(join(tmpdir(), "floors-"));
  const all = { "package.json": `{ "dependencies": { "hyparquet": "1" } }`, ...files };
  try {
    for (const [file, text] of Object.entries(all)) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return findings(root).map(
      ({ file, line, rule, question }) => `${file}:${line} ${question ? "question: " : ""}${rule}`,
    );
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("imports go down, from any floor to any lower one", () => {
  const files = {
    "src/base/errors.ts": "export const a = 1;",
    "src/tensor/core.ts": `import { a } from "../base/errors.ts";\nexport const b = a;`,
    "src/nn/linear.ts": `import { b } from "../tensor/core.ts";\nexport { a } from "../base/errors.ts";`,
    "src/index.ts": `export * from "./nn/linear.ts";`,
  };
  assert.deepEqual(check(files), []);
});

test("an import that goes up is found, of types as of values", () => {
  const files = {
    "src/base/a.ts": `import { b } from "../nn/b.ts";\nimport type { B } from "../nn/b.ts";`,
    "src/ir/c.ts": `const lazy = await import("../nn/b.ts");\ntype B = import("../nn/b.ts").B;`,
    "src/nn/b.ts": "export const b = 1;",
  };
  assert.deepEqual(check(files), [
    "src/base/a.ts:1 base/ (floor 0) imports nn/ (floor 6)",
    "src/base/a.ts:2 base/ (floor 0) imports nn/ (floor 6)",
    "src/ir/c.ts:1 ir/ (floor 1) imports nn/ (floor 6)",
    "src/ir/c.ts:2 ir/ (floor 1) imports nn/ (floor 6)",
  ]);
});

test("neighbours on one floor do not import each other", () => {
  const neighbours = { "src/kernels/a.ts": `import "../devices/b.ts";`, "src/devices/b.ts": "" };
  assert.deepEqual(check(neighbours), ["src/kernels/a.ts:1 kernels/ and devices/ share floor 3"]);
  const optim = { "src/optim/a.ts": `import type { B } from "../nn/b.ts";`, "src/nn/b.ts": "" };
  assert.deepEqual(check(optim), ["src/optim/a.ts:1 optim/ and nn/ share floor 6"]);
});

test("ops may name the type Tensor and nothing else from above", () => {
  const tensor = { "src/tensor/tensor.ts": "export class Tensor {}" };
  const allowed = { ...tensor, "src/ops/a.ts": `import type { Tensor } from "../tensor/tensor.ts";` };
  assert.deepEqual(check(allowed), []);
  const rule = "src/ops/a.ts:1 ops/ (floor 4) imports tensor/ (floor 5)";
  for (const line of [
    `import { Tensor } from "../tensor/tensor.ts";`,
    `import { type Tensor } from "../tensor/tensor.ts";`,
    `import type { Tensor, Other } from "../tensor/tensor.ts";`,
    `import type * as all from "../tensor/tensor.ts";`,
  ]) {
    assert.deepEqual(check({ ...tensor, "src/ops/a.ts": line }), [rule], line);
  }
});

test("the command line may start the applications, nobody else imports them", () => {
  const server = { "src/server/main.ts": "" };
  assert.deepEqual(check({ ...server, "src/cli/serve.ts": `import "../server/main.ts";` }), []);
  assert.deepEqual(check({ ...server, "src/studio/a.ts": `import "../server/main.ts";` }), [
    "src/studio/a.ts:1 studio/ and server/ share floor 11",
  ]);
  assert.deepEqual(check({ ...server, "src/index.ts": `export * from "./server/main.ts";` }), [
    "src/index.ts:1 server/ is an application",
  ]);
});

test("root entries are for users", () => {
  const files = { "src/nn.ts": "", "src/pipelines/a.ts": `import * as nn from "../nn.ts";` };
  assert.deepEqual(check(files), ["src/pipelines/a.ts:1 src/nn.ts is a root entry"]);
});

test("a folder without a floor is found", () => {
  assert.deepEqual(check({ "src/utils/a.ts": "" }), ["src/utils/a.ts:1 utils/ is not in the table"]);
});

test("imports carry the .ts ending", () => {
  const files = { "src/base/a.ts": `import { b } from "./b";\nimport { c } from "./c.js";`, "src/base/b.ts": "" };
  assert.deepEqual(check(files), [
    'src/base/a.ts:1 "./b" has no .ts ending',
    'src/base/a.ts:2 "./c.js" has no .ts ending',
  ]);
});

test("cycles of values are found, cycles of types in one folder are not", () => {
  const a = `import { b } from "./b.ts";`;
  const cycle = { "src/nn/a.ts": a, "src/nn/b.ts": `\nexport { c } from "./c.ts";`, "src/nn/c.ts": `import "./a.ts";` };
  assert.deepEqual(check(cycle), ["src/nn/c.ts:1 import cycle: src/nn/a.ts → src/nn/b.ts → src/nn/c.ts → src/nn/a.ts"]);
  assert.deepEqual(check({ "src/nn/a.ts": a, "src/nn/b.ts": `import type { A } from "./a.ts";` }), []);
});

test("node: modules stay in node parts, applications and tests", () => {
  const line = `import { readFileSync } from "node:fs";`;
  const allowed = ["src/hub/disk.node.ts", "src/cli/main.ts", "src/base/a.test.ts"];
  assert.deepEqual(check(Object.fromEntries(allowed.map((file) => [file, line]))), []);
  assert.deepEqual(check({ "src/hub/disk.ts": line }), ['src/hub/disk.ts:1 "node:fs" is not in browsers']);
});

test("#runtime/ has a file for each runtime and is the only way to them", () => {
  const node = { "src/hub/disk.node.ts": "" };
  const pair = { ...node, "src/hub/disk.web.ts": "" };
  assert.deepEqual(check({ ...pair, "src/models/a.ts": `import { d } from "#runtime/hub/disk";` }), []);
  assert.deepEqual(check({ ...node, "src/models/a.ts": `import { d } from "#runtime/hub/disk";` }), [
    "src/models/a.ts:1 src/hub/disk.web.ts is missing",
  ]);
  assert.deepEqual(check({ ...pair, "src/base/a.ts": `import { d } from "#runtime/hub/disk";` }), [
    "src/base/a.ts:1 base/ (floor 0) imports hub/ (floor 6)",
    "src/base/a.ts:1 base/ (floor 0) imports hub/ (floor 6)",
  ]);
  assert.deepEqual(check({ ...pair, "src/models/a.ts": `import { d } from "../hub/disk.node.ts";` }), [
    "src/models/a.ts:1 src/hub/disk.node.ts is for one runtime",
  ]);
});

test("a worker stands alone", () => {
  const files = { "src/base/a.ts": "", "src/devices/wasm/worker.ts": `import type { A } from "../../base/a.ts";` };
  assert.deepEqual(check(files), []);
  assert.deepEqual(check({ ...files, "src/devices/wasm/worker.ts": `import { a } from "../../base/a.ts";` }), [
    'src/devices/wasm/worker.ts:1 a worker imports "../../base/a.ts"',
  ]);
});

test("packages are dependencies, and come from floor 6 up", () => {
  const line = `import { parquetRead } from "hyparquet";`;
  assert.deepEqual(check({ "src/data/a.ts": line }), []);
  assert.deepEqual(check({ "src/tensor/a.ts": line }), ["src/tensor/a.ts:1 tensor/ has no dependencies"]);
  assert.deepEqual(check({ "src/data/a.ts": `import x from "@scope/name/deep";` }), [
    'src/data/a.ts:1 "@scope/name" is not a dependency',
  ]);
});

test("tests import anything; cases may use test/, nothing else may use either", () => {
  const files = {
    "test/contract.ts": "",
    "src/base/a.ts": "",
    "src/base/a.test.ts": `import "../nn/b.ts";\nimport "../../test/contract.ts";`,
    "src/nn/b.ts": "",
    "src/ops/trig.cases.ts": `import type { CasesOf } from "../../test/contract.ts";`,
  };
  assert.deepEqual(check(files), []);
  assert.deepEqual(
    check({ ...files, "src/nn/c.ts": `import "../../test/contract.ts";\nimport "../ops/trig.cases.ts";` }),
    ["src/nn/c.ts:1 test/contract.ts is outside of src/", "src/nn/c.ts:2 src/ops/trig.cases.ts is for tests"],
  );
});

test("long files are questioned, longer ones refused", () => {
  const lines = (n: number) => "\n".repeat(n - 1) + "export {};\n";
  assert.deepEqual(check({ "src/nn/a.ts": lines(400) }), []);
  assert.deepEqual(check({ "src/nn/a.ts": lines(600) }), ["src/nn/a.ts:600 question: 600 lines"]);
  assert.deepEqual(check({ "test/a.ts": lines(601) }), ["test/a.ts:601 601 lines, over 600"]);
});

test("imports are read however they are laid out", () => {
  const text = `import {
  type A,
  b,
} from "./one.ts";
import type D, { type E } from "./two.ts";
export * as f from "./three.ts";
import type { G as H } from "./four.ts";
import type from "./five.ts";
export type { I } from "./six.ts";
import "./seven.ts";
// import { x } from "./no.ts"; import("./no.ts")
 * import("./no.ts")
export type J = typeof import("./eight.ts");
const lazy = { llama: () => import("./nine.ts") };
export const text = "from './no.ts'";
`;
  const read = readImports(text).map(
    ({ line, specifier, typeOnly }) => `${line} ${specifier}${typeOnly ? " type" : ""}`,
  );
  assert.deepEqual(read, [
    "1 ./one.ts",
    "5 ./two.ts type",
    "6 ./three.ts",
    "7 ./four.ts type",
    "8 ./five.ts",
    "9 ./six.ts type",
    "10 ./seven.ts",
    "13 ./eight.ts type",
    "14 ./nine.ts",
  ]);
  assert.deepEqual(readImports(`import type { G as H, I } from "./a.ts";`)[0]?.names, ["G", "I"]);
});
