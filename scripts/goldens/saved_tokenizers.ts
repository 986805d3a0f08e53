// Each tokenizer of test/fixtures/text/tokenizers.json.gz read and saved again, for check_saved_tokenizers.py to read:
// `node --conditions=kindling-source saved_tokenizers.ts FOLDER` writes 0.json, 1.json, and so on.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Tokenizer } from "../../src/text/tokenizer.ts";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("saved_tokenizers.ts FOLDER");
const fixture = new URL("../../test/fixtures/text/tokenizers.json.gz", import.meta.url);
const entries = JSON.parse(gunzipSync(readFileSync(fixture)).toString("utf8")) as { tokenizer: unknown }[];
entries.forEach(({ tokenizer }, i) => {
  writeFileSync(join(folder, `${i}.json`), `${JSON.stringify(Tokenizer.fromJson(tokenizer).toJson(), null, 2)}\n`);
});
