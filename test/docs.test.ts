// What the documentation shows runs: every `ts` fence of a page, in order, beside small files of the names that it uses.
// A line `expression; // => text` must print that text.

import { execFile } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { root } from "../scripts/build.ts";
import { newFolder, someRows } from "./cli/kindling.ts";

const said = `import { inspect as __inspect } from "node:util";
const __says = (value, text) => {
  const got = typeof value === "string" ? value : __inspect(value);
  if (got !== text) throw new Error("prints " + got + ", the page says " + text);
};
`;

function programs(page: string): { line: number; code: string }[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ 1: code = "", index }) => ({
    line: text.slice(0, index).split("\n").length + 1,
    code: code.replaceAll(/^(\s*)(\S.*); \/\/ => (.*)$/gm, (_, indent, expression, shown) => {
      return `${indent}__says(${expression}, ${JSON.stringify(shown)});`;
    }),
  }));
}

for (const page of globSync(["README.md", "docs/*.md"], { cwd: root }).sort()) {
  const found = programs(page);
  if (found.length === 0) continue;
  test(page, async (t) => {
    const folder = newFolder();
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules/kindling"));
    for (const split of ["train", "validation", "test"] as const) someRows(split, 48, folder);
    for (const { line, code } of found) {
      await t.test(`line ${line}`, async () => {
        const file = join(folder, `line-${line}.mts`);
        writeFileSync(file, said + code);
        await promisify(execFile)(process.execPath, ["--conditions=kindling-source", file], { cwd: folder });
      });
    }
  });
}
