"""Loads folders of sentence embeddings that Kindling wrote with sentence-transformers and compares vectors, with prompts and
without, and similarities; and has Kindling read what sentence-transformers saves again. Says "ok" for each.

    python scripts/goldens/check_sentence_folders.py
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from sentence_transformers import SentenceTransformer

warnings.filterwarnings("ignore")
root = pathlib.Path(__file__).resolve().parents[2]
node = [root / "node_modules" / ".bin" / "node", "--conditions=kindling-source"]
read_back = """
const { SentenceTransformer } = await import("kindling/pipelines");
const [folder, names, texts] = JSON.parse(process.argv[1]);
const out = {};
for (const name of names) out[name] = (await (await SentenceTransformer.fromPretrained(`${folder}/${name}`)).encode(texts)).tolist();
console.log(JSON.stringify(out));
"""


def run(*command):
    return json.loads(subprocess.run([*node, *command], capture_output=True, check=True, text=True, cwd=root).stdout)


failed = False


def compare(name, made, wanted):
    global failed
    difference = np.abs(np.asarray(made) - np.asarray(wanted)).max()
    print("ok" if difference < 1e-4 else "DIFFERS", name, difference)
    failed = failed or difference >= 1e-4


with tempfile.TemporaryDirectory() as folder:
    saved = run(root / "scripts/goldens/saved_sentences.ts", folder)
    texts, vectors = saved["texts"], saved["vectors"]
    for name, wanted in vectors.items():
        model = SentenceTransformer(f"{folder}/{name}")
        plain = model.encode(texts)
        query = model.encode(texts, prompt_name="query") if "query" in model.prompts and model.prompts["query"] else plain
        compare(name, plain, wanted["plain"])
        compare(f"{name}, query", query, wanted["query"])
        compare(f"{name}, similarity", model.similarity(plain, plain[:2]), wanted["similarity"])
        model.save(f"{folder}/again/{name}")
    again = run("--input-type=module", "-e", read_back, json.dumps([f"{folder}/again", list(vectors), texts]))
    for name, made in again.items():
        compare(f"{name}, written by Python", made, vectors[name]["plain"])
sys.exit(failed)
