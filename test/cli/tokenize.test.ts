// `kindling tokenize` as a shell sees it, on a folder and on a model of a hub that has only vocab.txt.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startHub } from "../hub/server.ts";
import { kindling, newFolder } from "./kindling.ts";

test("tokens of a folder and of a model on the hub", async (t) => {
  const hub = await startHub();
  const folder = newFolder();
  const { env } = process;
  Object.assign(env, { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(folder, "cache") });
  t.after(() => {
    hub.close();
    rmSync(folder, { recursive: true, force: true });
    for (const name of ["HF_ENDPOINT", "HF_HUB_CACHE"]) delete env[name];
  });
  const vocab = readFileSync(new URL("../fixtures/older-tokenizers/word-piece.txt", import.meta.url), "utf8");
  hub.add("org/bert", { files: { "config.json": '{"model_type": "bert"}', "vocab.txt": vocab } });
  mkdirSync(join(folder, "bert"));
  writeFileSync(join(folder, "bert", "vocab.txt"), vocab);

  const [line, table, json] = await Promise.all([
    kindling(["tokenize", "--model", "org/bert", "The a!"]),
    kindling(["tokenize", "--model", join(folder, "bert"), "--table", "--no-special-tokens", "A 日"]),
    kindling(["tokenize", "--model", join(folder, "bert"), "--json", "a", "--pair", "!"]),
  ]);
  assert.deepEqual([line.code, line.stderr], [0, ""]);
  assert.match(line.stdout, /^\[CLS\]\|the\|a\|!\|\[SEP\]\n5 tokens\n$/);
  const id = (token: string) => vocab.split("\n").indexOf(token);
  assert.equal(table.stdout, ` id  place  token\n${String(id("a")).padStart(3)}    0-1  a\n${id("日")}    2-3  日\n`);
  assert.deepEqual(JSON.parse(json.stdout)[3], { id: id("!"), token: "!", start: 0, end: 1, special: false });

  const missing = await kindling(["tokenize", "--model", join(folder, "none"), "x"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^kindling: AutoTokenizer: there is no folder/);
});
