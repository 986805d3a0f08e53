// Chats as text: a model's template, in Jinja, rendered over the messages as Hugging Face does it, and tokenized.
//
//   [{ role: "user", content: "Hi" }]  →  "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"  →  ids
//
// `{% generation %}` … `{% endgeneration %}` marks what the assistant says. Jinja does not know the tag: it becomes a pair
// of marks that no text holds, and where they stand in the result is where the assistant speaks.

import { ArgumentError, UnsupportedError } from "../base/errors.ts";
import type { Row, Rows } from "./batch.ts";
import type { TokenizerCallOptions } from "./call-options.ts";
import type { ChatTemplates } from "./chat-template-files.ts";
import type { JsonObject } from "./fields.ts";
import { strftime } from "./strftime.ts";

/** One turn: its role, its content as a text or in parts, and whatever else the template reads. */
export type ChatMessage = { readonly role: string; readonly content?: unknown; readonly [field: string]: unknown };
export type Chat = readonly ChatMessage[];

export type ChatTemplateOptions = {
  /** JSON schemas of what the model may call. */
  tools?: readonly object[] | null;
  /** What the model answers from, usually `{ title, text }`. */
  documents?: readonly object[] | null;
  /** A template, or the name of one of the tokenizer's. */
  chatTemplate?: string;
  /** Ends with the beginning of the assistant's turn. */
  addGenerationPrompt?: boolean;
  /** Leaves the last message open, so that the model goes on with it; the name of the field to go on with, or `true` for the content. */
  continueFinalMessage?: boolean | string;
  /** More that the template reads, under the names it has there. */
  variables?: { readonly [name: string]: unknown };
};

export type ChatOptions = ChatTemplateOptions &
  Omit<TokenizerCallOptions, "addSpecialTokens" | "isSplitIntoWords" | "returnOverflowingTokens" | "stride"> & {
    /** `true` by default; `false` gives the text. */
    tokenize?: boolean;
    /** `assistantMasks`: 1 at what is inside `{% generation %}`. */
    returnAssistantTokensMask?: boolean;
  };

/** With `returnAssistantTokensMask` there is a mask beside the columns of any call. */
export type ChatRow = Row & { assistantMasks?: number[] };
export type ChatRows = Rows & { assistantMasks?: number[][] };

export interface ApplyChatTemplate {
  (chat: Chat, options: ChatOptions & { tokenize: false }): Promise<string>;
  (chats: readonly Chat[], options: ChatOptions & { tokenize: false }): Promise<string[]>;
  (chat: Chat, options?: ChatOptions): Promise<ChatRow>;
  (chats: readonly Chat[], options?: ChatOptions): Promise<ChatRows>;
}

type Span = readonly [start: number, end: number];

/** What of a tokenizer a chat needs. */
export type ChatTokenizer = {
  readonly call: (texts: readonly string[], options: TokenizerCallOptions) => Rows;
  readonly templates: ChatTemplates | null;
  /** `bos_token` and the others, which templates read. */
  readonly named: JsonObject;
};

export async function applyChatTemplate(
  tokenizer: ChatTokenizer,
  chat: Chat | readonly Chat[],
  options: ChatOptions,
): Promise<string | string[] | ChatRow | ChatRows> {
  const { tools, documents, chatTemplate, addGenerationPrompt, continueFinalMessage, variables, ...rest } = options;
  const { tokenize = true, returnAssistantTokensMask = false, ...call } = rest;
  if (chat.length === 0) throw new ArgumentError("applyChatTemplate: the chat is empty; give it at least one message.");
  if (returnAssistantTokensMask && !tokenize) {
    throw new ArgumentError(
      "applyChatTemplate: returnAssistantTokensMask is a mask over tokens; leave out tokenize: false.",
    );
  }
  if (continueFinalMessage && (addGenerationPrompt || returnAssistantTokensMask)) {
    throw new ArgumentError(
      "applyChatTemplate: continueFinalMessage goes with neither addGenerationPrompt, which begins another message, nor returnAssistantTokensMask.",
    );
  }
  const isOne = !Array.isArray(chat[0]);
  const chats = (isOne ? [chat] : chat) as readonly Chat[]; // the first one has been looked at
  const source = chooseTemplate(tokenizer.templates, chatTemplate, tools ?? null);
  const render = await compile(source);
  const rendered = chats.map((one) => {
    const values = { ...tokenizer.named, ...variables, tools: tools ?? null, documents: documents ?? null };
    const begin = { add_generation_prompt: addGenerationPrompt ?? false };
    if (!continueFinalMessage) return render({ ...values, ...begin, messages: one });
    const field = continueFinalMessage === true ? "content" : continueFinalMessage;
    return {
      text: openEnded(one, field, source, (messages) => render({ ...values, ...begin, messages }).text),
      spans: [],
    };
  });
  const texts = rendered.map(({ text }) => text);
  if (!tokenize) return isOne ? (texts[0] ?? "") : texts;
  const wanted = { ...call, addSpecialTokens: false };
  const rows = tokenizer.call(texts, returnAssistantTokensMask ? { ...wanted, returnOffsetsMapping: true } : wanted);
  const { offsetMapping, ...columns } = rows;
  const out: ChatRows = {
    ...columns,
    ...(offsetMapping && call.returnOffsetsMapping && { offsetMapping }),
    ...(offsetMapping &&
      returnAssistantTokensMask && {
        assistantMasks: offsetMapping.map((offsets, i) => maskOf(offsets, rendered[i]?.spans ?? [])),
      }),
  };
  return isOne ? firstRow(out) : out;
}

function firstRow(rows: ChatRows): ChatRow {
  const entries = Object.entries(rows).map(([name, column]) => [name, column[0]]);
  return Object.fromEntries(entries) as ChatRow; // each column of one row
}

/** 1 from the token that holds a span's first character to the one that holds its last. */
function maskOf(offsets: readonly (readonly [start: number, end: number])[], spans: readonly Span[]): number[] {
  const mask = offsets.map(() => 0);
  const tokenAt = (place: number) => offsets.findIndex(([start, end]) => start <= place && place < end);
  for (const [start, end] of spans) {
    const first = tokenAt(start);
    if (first < 0) break; // truncation has cut it off
    const last = tokenAt(end - 1);
    mask.fill(1, first, last > 0 ? last + 1 : mask.length);
  }
  return mask;
}

function chooseTemplate(
  templates: ChatTemplates | null,
  given: string | undefined,
  tools: readonly object[] | null,
): string {
  if (templates === null || typeof templates === "string") {
    const source = given ?? templates;
    if (source !== null) return source;
    throw new ArgumentError(
      "applyChatTemplate: this tokenizer has no chat template. Set tokenizer.chatTemplate, or pass chatTemplate.",
    );
  }
  if (given !== undefined) return templates[given] ?? given;
  const chosen = (tools === null ? undefined : templates["tool_use"]) ?? templates["default"];
  if (chosen !== undefined) return chosen;
  throw new ArgumentError(
    `applyChatTemplate: there are templates ${Object.keys(templates).sort().join(", ")}, and no default. Pass the name of one as chatTemplate.`,
    { names: Object.keys(templates) },
  );
}

const TAG = "CONTINUE_FINAL_MESSAGE_TAG ";

/** The text up to where the last message's field ends. */
function openEnded(chat: Chat, field: string, source: string, render: (chat: Chat) => string): string {
  const last = chat.at(-1);
  const value = last?.[field];
  if (last === undefined || value === undefined || value === null) {
    throw new ArgumentError(`applyChatTemplate: the last message has no "${field}" to continue.`, { field });
  }
  if (!source.includes(field)) {
    throw new ArgumentError(`applyChatTemplate: the template does not read "${field}".`, { field });
  }
  const [text, tagged] = withTag(value);
  const rendered = render([...chat.slice(0, -1), { ...last, [field]: tagged }]);
  const at = rendered.lastIndexOf(TAG.trim());
  if (!rendered.includes(text.trim()) || at < 0) {
    throw new ArgumentError(
      "applyChatTemplate: the template leaves the last message out or changes it, so that it cannot be continued.",
      { field },
    );
  }
  const before = rendered.slice(0, at);
  return rendered.startsWith(TAG, at) ? before : before.trimEnd();
}

function withTag(value: unknown): readonly [text: string, tagged: unknown] {
  if (!Array.isArray(value)) return [String(value), `${String(value)}${TAG}`];
  const at = value.findLastIndex((part) => typeof part?.text === "string");
  if (at < 0) throw new ArgumentError("applyChatTemplate: the last message has no text to continue.");
  const text = String(value[at].text);
  return [text, value.with(at, { ...value[at], text: text + TAG })];
}

type Rendered = { readonly text: string; readonly spans: readonly Span[] };
type Render = (values: { readonly [name: string]: unknown }) => Rendered;

/** Private use, with a count so long that no text holds it by chance. */
const [OPEN, CLOSE] = ["\uf8f0kindling-generation\uf8f1", "\uf8f0kindling-endgeneration\uf8f1"];
/** As jinja's own, but for dates in English whatever the machine speaks, with all of C's directives. */
const globals: { readonly [name: string]: unknown } = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  range: (start: number, stop?: number, step = 1) => range(stop === undefined ? 0 : start, stop ?? start, step),
  strftime_now: (format: string) => strftime(new Date(), format),
  raise_exception: (message: string) => {
    throw new ArgumentError(`chat template: ${message}`, { message });
  },
};

function range(start: number, stop: number, step: number): number[] {
  if (step === 0) throw new ArgumentError("chat template: range() cannot go on by 0.");
  return Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step);
}

const compiled = new Map<string, Render>();

async function compile(source: string): Promise<Render> {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const { compileTemplate } = await import("./chat-jinja.ts");
  const run = attempt(source, () => compileTemplate(withMarks(source), globals));
  const render: Render = (values) => attempt(source, () => withoutMarks(run(values)));
  if (compiled.size > 64) compiled.clear();
  compiled.set(source, render);
  return render;
}

function attempt<T>(source: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof ArgumentError) throw cause;
    throw new UnsupportedError(
      `applyChatTemplate: the template could not be rendered: ${(cause as Error).message} It begins ${JSON.stringify(source.slice(0, 60))}.`,
      { template: source },
      { cause },
    );
  }
}

/** The generation tags as printed marks; blanks around them go as around any tag. */
function withMarks(source: string): string {
  return source.replace(
    /(\{%[-+]?)\s*(end)?generation\s*([-+]?%\})/g,
    (_tag, open: string, end: string | undefined, close: string) => {
      const mark = JSON.stringify(end === undefined ? OPEN : CLOSE);
      // As a statement, so that the line it stands on alone goes, and the mark itself between two of them.
      return `${open} if true ${close === "-%}" ? "-%}" : "%}"}{{ ${mark} }}{% endif ${close}`;
    },
  );
}

function withoutMarks(text: string): Rendered {
  const spans: Span[] = [];
  let [out, start] = ["", 0];
  for (const part of text.split(new RegExp(`(${OPEN}|${CLOSE})`))) {
    if (part === OPEN) start = out.length;
    else if (part === CLOSE) spans.push([start, out.length]);
    else out += part;
  }
  return { text: out, spans };
}
