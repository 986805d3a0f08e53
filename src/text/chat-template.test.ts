// Chats against transformers' apply_chat_template. The values come from scripts/goldens/chat_templates.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Chat, ChatOptions } from "./chat-template.ts";
import { readTokenizer } from "./read-tokenizer.ts";
import { strftime } from "./strftime.ts";
import { TokenizerFolder } from "./tokenizer-folder.ts";

const fixtures = new URL("../../test/fixtures/older-tokenizers/", import.meta.url);

type Case = {
  name: string;
  template: string;
  chat: string;
  options: { [name: string]: unknown };
  text?: string;
  ids?: number[];
  masks?: number[];
  fails?: string;
};
const { templates, chats, cases } = JSON.parse(readFileSync(new URL("chats.json", fixtures), "utf8")) as {
  templates: { [name: string]: string };
  chats: { [name: string]: Chat };
  cases: Case[];
};

const files: { [name: string]: string } = { "vocab.json": "vocab-gpt2.json", "merges.txt": "merges-gpt2.txt" };
const gpt2 = (more: { [name: string]: string } = {}) =>
  readTokenizer(
    new TokenizerFolder("folder", [...Object.keys(files), ...Object.keys(more)], async (name) =>
      more[name] === undefined
        ? readFileSync(new URL(files[name] ?? name, fixtures))
        : new TextEncoder().encode(more[name]),
    ),
  );

/** Python's options, of which those that are no option are variables. */
function optionsOf({ options, template }: Case): ChatOptions {
  const { add_generation_prompt, continue_final_message, tools, documents, ...variables } = options as {
    add_generation_prompt?: boolean;
    continue_final_message?: boolean;
    tools?: object[];
    documents?: object[];
  };
  return {
    chatTemplate: templates[template] ?? template,
    ...(add_generation_prompt !== undefined && { addGenerationPrompt: add_generation_prompt }),
    ...(continue_final_message !== undefined && { continueFinalMessage: continue_final_message }),
    ...(tools && { tools }),
    ...(documents && { documents }),
    variables,
  };
}

for (const name of Object.keys(templates)) {
  test(`chats of "${name}" are Python's`, async () => {
    const tokenizer = await gpt2();
    for (const one of cases.filter((case_) => case_.template === name)) {
      const chat = chats[one.chat] ?? [];
      const options = optionsOf(one);
      const message = JSON.stringify([one.chat, one.options]);
      if (one.fails !== undefined) {
        await assert.rejects(tokenizer.applyChatTemplate(chat, options), message);
        continue;
      }
      assert.equal(await tokenizer.applyChatTemplate(chat, { ...options, tokenize: false }), one.text, message);
      const mask = one.masks === undefined ? {} : { returnAssistantTokensMask: true };
      const row = await tokenizer.applyChatTemplate(chat, { ...options, ...mask });
      assert.deepEqual(row.inputIds, one.ids, message);
      assert.deepEqual(row.assistantMasks, one.masks, message);
      assert.equal(row.offsetMapping, undefined);
    }
  });
}

test("many chats are padded rows", async () => {
  const tokenizer = await gpt2();
  tokenizer.padToken = tokenizer.eosToken;
  const [short, long] = [chats["short"] ?? [], chats["long"] ?? []];
  const options = { chatTemplate: templates["chatml"] ?? "", padding: true, returnAssistantTokensMask: true } as const;
  const rows = await tokenizer.applyChatTemplate([short, long], options);
  const one = await tokenizer.applyChatTemplate(long, options);
  assert.deepEqual(rows.inputIds[1], one.inputIds);
  assert.deepEqual(rows.assistantMasks?.[1], one.assistantMasks);
  assert.equal(rows.inputIds[0]?.length, one.inputIds.length);
  assert.ok(rows.assistantMasks?.[0]?.every((bit) => bit === 0));
});

test("templates lie in files of their own, or in the config under names", async () => {
  const chat: Chat = [{ role: "user", content: "x" }];
  const write = async (more: { [name: string]: string }, options: ChatOptions = {}) =>
    (await gpt2(more)).applyChatTemplate(chat, { ...options, tokenize: false });
  assert.equal(await write({ "chat_template.jinja": "file {{ messages[0].content }}" }), "file x");
  assert.equal(await write({ "chat_template.json": '{"chat_template": "json"}' }), "json");
  const named = { "chat_template.jinja": "plain", "additional_chat_templates/tool_use.jinja": "tools" };
  assert.equal(await write(named), "plain");
  assert.equal(await write(named, { tools: [{}] }), "tools");
  const list = [
    { name: "default", template: "d" },
    { name: "rag", template: "r" },
  ];
  const config = { "tokenizer_config.json": JSON.stringify({ chat_template: list }) };
  assert.equal(await write(config), "d");
  assert.equal(await write(config, { chatTemplate: "rag" }), "r");
  assert.equal(await write({ ...config, "chat_template.jinja": "file" }), "file");
  const saved = (await gpt2(config)).toFiles()["tokenizer_config.json"];
  assert.deepEqual(saved?.["chat_template"], list);
});

test("what cannot be rendered says why", async () => {
  const tokenizer = await gpt2();
  const chat: Chat = [{ role: "user", content: "x" }];
  const reject = (options: ChatOptions, message: RegExp, of: Chat = chat) =>
    assert.rejects(tokenizer.applyChatTemplate(of, options), { message });
  await reject({}, /has no chat template/);
  await reject({ chatTemplate: "{% if %}" }, /could not be rendered/);
  await reject({ chatTemplate: "{{ raise_exception('no ' + messages[0].role) }}" }, /no user/);
  await reject({ chatTemplate: "x" }, /the chat is empty/, []);
  await reject({ chatTemplate: "content", continueFinalMessage: true }, /leaves the last message out/);
  await reject({ chatTemplate: "x", continueFinalMessage: true, addGenerationPrompt: true }, /goes with neither/);
  await reject({ chatTemplate: "x", tokenize: false, returnAssistantTokensMask: true }, /mask over tokens/);
});

test("dates are written as C writes them", () => {
  const date = new Date(2024, 1, 5, 15, 4, 9);
  assert.equal(
    strftime(date, "%d %b %Y, %A %-d %B %H:%M:%S %I%p %j %y %% %Q"),
    "05 Feb 2024, Monday 5 February 15:04:09 03PM 036 24 % %Q",
  );
  assert.equal(strftime(date, "%F %T %-m %-I %e %a %u %w"), "2024-02-05 15:04:09 2 3  5 Mon 1 1");
});
