"""Chats as transformers' apply_chat_template writes and tokenizes them. Writes test/fixtures/older-tokenizers/chats.json:

[{ name, template, chat, options, text?, ids?, masks?, fails? }]   the tokenizer is gpt2's of older_tokenizers.py

`chat_templates.py --real OUT FOLDER...` writes the same over the templates of real tokenizers' folders to OUT, for a comparison by hand
(scripts/chat-templates.ts).
"""

import json
import pathlib
import shutil
import sys
import tempfile

from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test" / "fixtures" / "older-tokenizers"

CHATML = "{% for message in messages %}\n  {% if message.role == 'assistant' %}\n<|im_start|>assistant\n{% generation %}\n{{ message.content }}<|im_end|>{% endgeneration %}\n\n{% else %}\n<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n{% endif %}\n{% endfor %}\n{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
TOOLS = """{{- bos_token }}{% set ns = namespace(first=true, n=0) %}
{%- if tools is defined and tools is not none and tools %}
# Tools
{% for tool in tools %}{{ loop.index }}/{{ loop.length }} {{ tool | tojson }}
{% endfor %}
{%- for tool in tools %}{{ tool.function.parameters | tojson(indent=4) }}{% endfor %}
{%- endif %}
{%- if documents %}{% for doc in documents %}
Document {{ loop.index0 }}: {{ doc.title | upper }} - {{ doc['text'][:5] }}
{% endfor %}{% endif %}
{%- macro say(role, text, end=true) -%}
<{{ role }}>{{ text }}{% if end %}</{{ role }}>{% endif %}
{%- endmacro -%}
{%- for m in messages %}
  {%- if ns.n >= 4 %}{% break %}{% endif %}
  {%- if m.role not in ['user', 'assistant', 'system', 'tool'] %}{{ raise_exception('Unknown role: ' + m.role) }}{% endif %}
  {%- if m.content is string %}{{ say(m.role, m.content.strip()) }}
  {%- elif m.content is iterable and m.content is not mapping %}{% for part in m.content if part.type == 'text' %}{{ say(m.role, part.text, loop.last) }}{% endfor %}
  {%- endif %}
  {%- if m.tool_calls is defined and m.tool_calls %}{% for call in m.tool_calls %}{% set f = call.function %}[{{ f.name }}({% for k, v in f.arguments.items() %}{{ k }}={{ v | tojson }}{% if not loop.last %}, {% endif %}{% endfor %})]{% endfor %}{% endif %}
  {%- set ns.n = ns.n + 1 %}{% set ns.first = false %}
{%- endfor %}
{{- '\\n' + ns.n|string + (' more' if ns.n > 2 else ' few') }}{{ extra | default('none') }}{{ eos_token }}{{ ['a', 'b'] | join('x') }}{{ 'T' if messages[-1].content is defined else 'F' }}{{ messages | length }}{{ messages[1:] | length }}{{ 7 // 2 }}{{ 'Ab'.lower() ~ 'c' }}{{ "a,b".split(",")[-1] }}{{ 'T' if ' x'.startswith(' ') and 3 is odd else 'F' }}
"""
PYTHON = """{{ true }} {{ none }} {{ [1, 'a', none, true, {'k': "it's"}] }}{{ false|string ~ none ~ 1.5 ~ 2.0 }}{{ (1, 2) }}{{ missing }}|
{{- 'xxabxx'.strip('x') }}|{{ '\\n a\\n\\n'.lstrip('\\n') }}|{{ '\\na \\n\\n'.rstrip('\\n') }}|{{ 'hELLO'.capitalize() }}|{{ 'hELLO'|capitalize }}|{{ ', '.join(['a', 'b']) }}|
{{- 'abcab'.find('c') }}{{ 'abcab'.rfind('ab') }}{{ 'abcab'.find('z') }}{{ 'abcab'.count('ab') }}|{{ 'prefix'.removeprefix('pre') }}{{ 'prefix'.removesuffix('fix') }}|{{ '12'.isdigit() }}{{ ''.isdigit() }}{{ 'ab'.isalpha() }}{{ ' '.isspace() }}|{{ 'a\\nb\\r\\nc\\n'.splitlines() }}|{{ '-7'.zfill(4) }}|
{{- {} is iterable }}{{ 1 is iterable }}{{ [] is not iterable }}
{%- set role = 'outer' %}
{%- for m in messages %}{% if loop.first %}{% set role = m.role %}{% endif %}{% if seen is defined %}seen{% endif %}{% set seen = 1 %}{{ role }}
  {%- for c in ['a', 'b', 'c', 'd'] %}{{ c }}{% if c == 'a' %}{% continue %}{% elif c == 'c' %}!{% break %}{% else %}?{% endif %}-{{ loop.index }}{% else %}none{% endfor %}
  {%- for c in [] %}{% break %}{% else %}none{% endfor %}
  {%- if m.role == 'assistant' %}{{ m.content }}{% if loop.index > 2 %}{% break %}{% endif %}~{% else %}{% continue %}never{% endif %}.
{%- endfor %}{{ role }}
"""
YEAR = "{% set y = strftime_now('%Y') %}{{ y | length }} {{ strftime_now('%d %b %Y') | length }}{% for m in messages %}{{ m.content }}{% endfor %}"

CHATS = {
    "short": [{"role": "user", "content": "Hello  "}],
    "long": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "What is é 🙂?"}, {"role": "assistant", "content": "A letter.\n"}, {"role": "user", "content": " And\nmore?"}, {"role": "assistant", "content": "Yes 🙂"}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]}],
    "calls": [{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"place": "Zürich", "days": 2, "units": ["C", None], "warm": True, "x": 1.5}}}]}, {"role": "tool", "content": "{\"t\": 20}", "name": "weather"}],
    "open": [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "1, 2, "}],
}
TOOL = [{"type": "function", "function": {"name": "weather", "description": "The weather <in> a 'place' & more", "parameters": {"type": "object", "properties": {"place": {"type": "string"}, "days": {"type": "integer"}}, "required": ["place"], "empty": {}, "none": []}}}]
DOCS = [{"title": "One", "text": "The first text."}]
OPTIONS = [{}, {"add_generation_prompt": True}, {"tools": TOOL, "add_generation_prompt": True}, {"documents": DOCS}, {"tools": TOOL, "documents": DOCS}, {"extra": "given"}]


def run(tokenizer, name, template, chat, options, out, ids=True):
    base = {"name": name, "template": template, "chat": chat, "options": options}
    try:
        text = tokenizer.apply_chat_template(CHATS[chat], chat_template=template, tokenize=False, **options)
    except Exception as error:
        out.append({**base, "fails": type(error).__name__})
        return
    value = {**base, "text": text}
    if ids:
        plain = {k: v for k, v in options.items() if k != "continue_final_message"}
        masked = template and "{% generation" in template and plain == options
        row = tokenizer.apply_chat_template(CHATS[chat], chat_template=template, return_assistant_tokens_mask=bool(masked), **options)
        value["ids"] = row["input_ids"]
        if masked:
            value["masks"] = row["assistant_masks"]
    out.append(value)


def main():
    out = []
    if "--real" in sys.argv:
        for folder in sys.argv[3:]:
            try:
                tokenizer = AutoTokenizer.from_pretrained(folder)
            except ValueError:  # a class of the model's own code: the template alone
                config = json.loads((pathlib.Path(folder) / "tokenizer_config.json").read_text(encoding="utf-8"))
                named = {k: v if isinstance(v, str) else v["content"] for k, v in config.items() if k[:3] in ("bos", "eos", "unk", "pad") and k.endswith("_token") and v}
                tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"x": 0}, unk_token="x")), chat_template=config["chat_template"], **named)
            names = [None, *(tokenizer.chat_template if isinstance(tokenizer.chat_template, dict) else [])]
            for name in names:
                for chat in CHATS:
                    for options in [*OPTIONS, {"continue_final_message": True}]:
                        run(tokenizer, folder, name, chat, options, out, ids=False)
        pathlib.Path(sys.argv[2]).write_text(json.dumps({"chats": CHATS, "cases": out}, ensure_ascii=False), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, source in {"vocab.json": "vocab-gpt2.json", "merges.txt": "merges-gpt2.txt"}.items():
            shutil.copy(OUT / source, pathlib.Path(folder) / name)
        (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer"}))
        tokenizer = AutoTokenizer.from_pretrained(folder)
    for name, template in {"chatml": CHATML, "tools": TOOLS, "python": PYTHON, "year": YEAR}.items():
        for chat in CHATS:
            for options in OPTIONS if name == "tools" else OPTIONS[:2]:
                run(tokenizer, name, template, chat, options, out)
    for chat in ["open", "long", "parts"]:
        run(tokenizer, "open", CHATML if chat != "parts" else TOOLS, chat, {"continue_final_message": True}, out)
    templates = {case["name"] if case["name"] != "open" else "chatml": case["template"] for case in out if not (case["name"] == "open" and case["chat"] == "parts")}
    cases = [{**case, "template": next(k for k, v in templates.items() if v == case["template"])} for case in out]
    (OUT / "chats.json").write_text(json.dumps({"templates": templates, "chats": CHATS, "cases": cases}, ensure_ascii=False, separators=(",", ":")).replace("},{\"name\"", "},\n{\"name\"") + "\n", encoding="utf-8")


main()
