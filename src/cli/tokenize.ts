// `kindling tokenize`: what a tokenizer makes of a text, as a line in colours, as a table, or as JSON.

import { styleText } from "node:util";
import type { Command } from "commander";
import { AutoTokenizer } from "../models/pretrained-files.ts";

interface Flags {
  readonly model: string;
  readonly pair?: string;
  readonly specialTokens: boolean;
  readonly table?: boolean;
  readonly json?: boolean;
  readonly revision?: string;
}

export function addTokenize(program: Command): void {
  program
    .command("tokenize")
    .description("Show the tokens of a text: a folder's tokenizer, or that of a model on the hub.")
    .argument("<text>", "what to tokenize")
    .requiredOption("--model <name>", "a folder, or a model's name on the hub")
    .option("--pair <text>", "a second text")
    .option("--no-special-tokens", "without the tokens that the model puts around a text")
    .option("--table", "a row a token: id, token, where it is in the text")
    .option("--json", "the rows as JSON")
    .option("--revision <name>", "a branch, a tag or a commit (default: main)")
    .addHelpText(
      "after",
      `
Places count UTF-16 units, as JavaScript does: text.slice(start, end) is what the token stands for.

Examples:
  $ kindling tokenize --model google-bert/bert-base-uncased "Tokenizers split words."
  $ kindling tokenize --model out/summarizer --table "Tokenizers split words."`,
    )
    .action(tokenize);
}

interface TokenRow {
  readonly id: number;
  readonly token: string;
  readonly start: number;
  readonly end: number;
  readonly special: boolean;
}

async function tokenize(text: string, flags: Flags): Promise<void> {
  const options = flags.revision === undefined ? {} : { revision: flags.revision };
  const tokenizer = await AutoTokenizer.fromPretrained(flags.model, options);
  const encoding = tokenizer.backend.encode(text, {
    addSpecialTokens: flags.specialTokens,
    padding: null,
    truncation: null,
    ...(flags.pair !== undefined && { pair: flags.pair }),
  });
  const rows = encoding.ids.map((id, i): TokenRow => {
    const [start, end] = encoding.offsets[i] ?? [0, 0];
    return { id, token: encoding.tokens[i] ?? "", start, end, special: encoding.specialTokensMask[i] === 1 };
  });
  if (flags.json) console.log(JSON.stringify(rows));
  else if (flags.table) console.log(table(rows));
  else console.log(`${line(rows)}\n${rows.length} tokens`);
}

/** Neighbours in different colours; without colours they are told apart by bars. */
function line(rows: readonly TokenRow[]): string {
  const colours = ["cyan", "yellow", "magenta", "green"] as const;
  const separator = styleText("dim", "|", { stream: process.stdout });
  return rows
    .map(({ token, special }, i) =>
      styleText(special ? "dim" : (colours[i % colours.length] ?? "cyan"), visible(token), { stream: process.stdout }),
    )
    .join(separator);
}

function table(rows: readonly TokenRow[]): string {
  const cells = rows.map(({ id, token, start, end }) => [String(id), `${start}-${end}`, visible(token)] as const);
  const all = [["id", "place", "token"] as const, ...cells];
  const [ids, places] = [0, 1].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map(([id, place, token]) => `${id.padStart(ids ?? 0)}  ${place.padStart(places ?? 0)}  ${token}`)
    .join("\n");
}

/** Signs that would move the cursor are written as their escapes. */
function visible(token: string): string {
  return token.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (sign) => JSON.stringify(sign).slice(1, -1));
}
