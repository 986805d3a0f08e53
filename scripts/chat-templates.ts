// Compares chats as real tokenizers' templates write them with what `scripts/goldens/chat_templates.py --real FILE FOLDER...` got
// from Python.
//
//   node --conditions=kindling-source scripts/chat-templates.ts FILE

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configChatTemplates } from "../src/text/chat-template-files.ts";
import { Fields } from "../src/text/fields.ts";
import type { Chat, ChatOptions } from "../src/text.ts";
import { PreTrainedTokenizer, Tokenizer } from "../src/text.ts";

const [file = ""] = process.argv.slice(2);
const { chats, cases } = JSON.parse(readFileSync(file, "utf8")) as {
  chats: { [name: string]: Chat };
  cases: {
    name: string;
    template: string | null;
    chat: string;
    options: { [name: string]: unknown };
    text?: string;
    fails?: string;
  }[];
};
const empty = Tokenizer.fromJson({ model: { type: "WordLevel", vocab: { x: 0 }, unk_token: "x" } });
/** By tokenizer: texts that are the same, chats that both refuse, and what differs. */
const counts = new Map<string, [same: number, refused: number, different: number]>();
for (const { name, template, chat, options, text, fails } of cases) {
  const config = new Fields(JSON.parse(readFileSync(join(name, "tokenizer_config.json"), "utf8")), name);
  const named = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].flatMap((role) => {
    const value = config.object[`${role}_token`] as string | { content: string } | null | undefined;
    return value ? [[`${role}Token`, typeof value === "string" ? value : value.content]] : [];
  });
  const tokenizer = new PreTrainedTokenizer(empty, {
    ...Object.fromEntries(named),
    chatTemplate: configChatTemplates(config),
  });
  const { add_generation_prompt, continue_final_message, tools, documents, ...variables } = options;
  const wanted = {
    ...(template !== null && { chatTemplate: template }),
    addGenerationPrompt: add_generation_prompt === true,
    continueFinalMessage: continue_final_message === true,
    tools,
    documents,
    variables,
    tokenize: false,
  } as ChatOptions & { tokenize: false };
  const got = await tokenizer.applyChatTemplate(chats[chat] ?? [], wanted).catch((error: Error) => error);
  const count = counts.get(name) ?? [0, 0, 0];
  counts.set(name, count);
  if (got === text) count[0]++;
  else if (got instanceof Error && fails !== undefined) count[1]++;
  else {
    count[2]++;
    console.log(
      name,
      template,
      chat,
      options,
      fails ?? JSON.stringify(text),
      got instanceof Error ? got.message : JSON.stringify(got),
    );
  }
}
for (const [name, count] of counts) console.log(`| ${name} | ${count.join(" | ")} |`);
