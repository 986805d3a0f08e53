// Writes what `saveTokenizer` makes of each folder of older files, for `scripts/goldens/older_tokenizers.py --read FOLDER` and
// `marian.py --read FOLDER`, which ask Python whether it reads the same in both.
//
//   node --conditions=kindling-source scripts/older-tokenizers.ts FOLDER

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readTokenizer } from "../src/text/read-tokenizer.ts";
import { TokenizerFolder } from "../src/text/tokenizer-folder.ts";

const fixtures = new URL("../test/fixtures/older-tokenizers/", import.meta.url);
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error("Say which folder to write to.");
type Golden = { name: string; files: { [file: string]: unknown } };
const goldens = ["goldens.json.gz", "marian.json.gz"].flatMap(
  (file) => JSON.parse(gunzipSync(readFileSync(new URL(file, fixtures))).toString()) as Golden[],
);
for (const { name, files } of goldens) {
  const folder = join(target, name.replaceAll(" ", "_").replaceAll(",", ""));
  const read = async (file: string) => {
    const content = files[file];
    if (typeof content === "string") return readFileSync(new URL(content, fixtures));
    return new TextEncoder().encode(JSON.stringify(content));
  };
  const tokenizer = await readTokenizer(new TokenizerFolder(folder, Object.keys(files), read));
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(tokenizer.toFiles())) {
    writeFileSync(join(folder, file), content instanceof Uint8Array ? content : JSON.stringify(content));
  }
}
