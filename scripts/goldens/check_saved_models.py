"""Loads what savePretrained wrote with transformers, and compares the answers; says "ok" for each model.

    python scripts/goldens/check_saved_models.py
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers

root = pathlib.Path(__file__).resolve().parents[2]
node = root / "node_modules" / ".bin" / "node"
transformers.logging.set_verbosity_error()


def snake(name):
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def main(folder):
    program = [str(node), "--conditions=kindling-source", str(root / "scripts" / "goldens" / "saved_models.ts"), str(folder)]
    subprocess.run(program, check=True, cwd=root, env={**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"})
    failed = []
    ids = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 13, 14]])
    for path in sorted(folder.iterdir()):
        if path.name == "half":
            model, info = transformers.AutoModelForMaskedLM.from_pretrained(path, output_loading_info=True)
            good = model.dtype == torch.bfloat16 and not any(info.values())
        else:
            auto = path.name.rsplit("-", 1)[1]
            model, info = getattr(transformers, auto).from_pretrained(path, output_loading_info=True)
            given = ids[None] if auto == "AutoModelForMultipleChoice" else ids
            with torch.no_grad():
                answer = model.eval()(input_ids=given)
            expected = {snake(k): torch.tensor(v) for k, v in json.loads((path / "answer.json").read_text()).items()}
            good = not any(info.values()) and set(expected) <= set(answer.keys()) and all(
                torch.allclose(answer[k], v, rtol=1e-5, atol=1e-5) for k, v in expected.items())  # fmt: skip
        print("ok" if good else "NOT", path.name, type(model).__name__, {k: v for k, v in info.items() if v})
        failed += [] if good else [path.name]
    sys.exit(f"failed: {failed}" if failed else 0)


with tempfile.TemporaryDirectory() as temporary:
    main(pathlib.Path(temporary))
