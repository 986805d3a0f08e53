"""Loads a folder that `kindling train embeddings` wrote with sentence-transformers and compares its vectors with ours.

    kindling run embeddings --model runs/sentences --file texts.txt --output vectors.npy
    python scripts/goldens/check_sentence_folders.py runs/sentences texts.txt vectors.npy
"""

import sys

import numpy as np
from sentence_transformers import SentenceTransformer

folder, texts, vectors = sys.argv[1:]
with open(texts, encoding="utf-8") as file:
    lines = [line for line in file.read().splitlines() if line.strip()]
wanted = SentenceTransformer(folder).encode(lines)
difference = np.abs(wanted - np.load(vectors)).max()
print("ok" if difference < 1e-5 else "DIFFERS", difference)
sys.exit(difference >= 1e-5)
