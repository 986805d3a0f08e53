"""Loads with Rust's `tokenizers` each tokenizer of the fixtures as Kindling saved it, and compares what it gives with what the
first one gave; says "ok" for each.

    python scripts/goldens/check_saved_tokenizers.py
"""

import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

from tokenizer_components import columns

root = pathlib.Path(__file__).resolve().parents[2]
node = root / "node_modules" / ".bin" / "node"


def main(folder):
    program = [str(node), "--conditions=kindling-source", str(root / "scripts" / "goldens" / "saved_tokenizers.ts"), folder]
    subprocess.run(program, check=True, cwd=root, env={**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"})
    with gzip.open(root / "test" / "fixtures" / "text" / "tokenizers.json.gz", "rt", encoding="utf-8", errors="surrogatepass") as file:
        entries = json.load(file)
    for i, entry in enumerate(entries):
        tokenizer = Tokenizer.from_file(str(pathlib.Path(folder) / f"{i}.json"))
        compared = 0
        for case in entry["cases"]:
            if case.keys() & {"truncation", "padding", "fails"}:  # these are up to the caller, not to the file
                continue
            text, pair = case["text"], case.get("pair")
            encoding = tokenizer.encode(text, pair)
            got = columns(encoding, [text, pair]) | {"decoded": tokenizer.decode(encoding.ids, skip_special_tokens=True)}
            wrong = [name for name, value in got.items() if value != case[name]]
            if wrong:
                sys.exit(f"{entry['name']}: {wrong} of {text!r} are not as before")
            compared += 1
        print("ok", entry["name"], compared)
    print(len(entries), "tokenizers")


with tempfile.TemporaryDirectory() as scratch:
    main(scratch)
