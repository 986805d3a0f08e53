// Where a folder keeps its chat templates: chat_template.jinja and additional_chat_templates/NAME.jinja, or before them
// chat_template.json; tokenizer_config.json comes last.

import { Fields } from "./fields.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

/** One template, or templates by name: "default", "tool_use", "rag" … */
export type ChatTemplates = string | { readonly [name: string]: string };

export async function readChatTemplates(folder: TokenizerFolder): Promise<ChatTemplates | null> {
  const templates: { [name: string]: string } = {};
  const older = await folder.json("chat_template.json");
  if (older !== undefined) templates["default"] = new Fields(older, "chat_template.json").string("chat_template");
  for (const file of folder.names) {
    const [, name] = /^additional_chat_templates\/(.+)\.jinja$/.exec(file) ?? [];
    if (file === "chat_template.jinja") templates["default"] = await folder.text(file);
    else if (name !== undefined) templates[name] = await folder.text(file);
  }
  const names = Object.keys(templates);
  if (names.length === 0) return null;
  return names.length === 1 && templates["default"] !== undefined ? templates["default"] : templates;
}

/** `chat_template` of tokenizer_config.json: a template, or a list of named ones. */
export function configChatTemplates(config: Fields): ChatTemplates | null {
  const value = config.object["chat_template"];
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return config.string("chat_template");
  const named = value.map((entry, i): [string, string] => {
    const fields = new Fields(entry, `${config.where}.chat_template[${i}]`);
    return [fields.string("name"), fields.string("template")];
  });
  return Object.fromEntries(named);
}
