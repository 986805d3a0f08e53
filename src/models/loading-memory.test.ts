// Loading takes the memory of the model and of one piece of a file, also where the file is of another dtype.

import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../base/half.ts";
import { pieceBytes } from "../checkpoint/place.ts";
import { joinChunks, writeSafetensors } from "../checkpoint/safetensors.ts";
import { save } from "../checkpoint/save-file.node.ts";
import { withDevice } from "../devices/default.ts";
import { memoryStats } from "../tensor/memory.ts";
import { BertModel } from "./bert.ts";
import { formatConfig } from "./configuration.ts";
import type { FromPretrainedOptions } from "./pretrained-transformer.ts";

const root = mkdtempSync(join(tmpdir(), "kindling-memory-"));
after(() => rmSync(root, { recursive: true }));

const [words, C] = [150_001, 32]; // a table that takes several pieces, the last one not full
const config = { vocabSize: words, hiddenSize: C, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 64 };
const table = "embeddings.word_embeddings.weight";
const numbers = Float32Array.from({ length: words * C }, (_, i) => (i % 1013) / 512 - 1);

/** The file's weights take no memory of the engine, so that its peak is that of loading. */
function writeFloat32(folder: string, rows = numbers): void {
  const model = withDevice("meta", () => new BertModel(config));
  const entries = [...model.stateDict()].map(([name, { shape, numel }]) => ({
    ...{ name, shape, dtype: "F32" as const },
    bytes: new Uint8Array((name === table ? rows : new Float32Array(numel)).buffer),
  }));
  writeFileSync(join(folder, "model.safetensors"), joinChunks(writeSafetensors(entries, { format: "pt" })));
  writeFileSync(join(folder, "config.json"), formatConfig(model.config));
}

/** Loads, and holds the peak against the model's own bytes and one piece with its check. */
async function loaded(folder: string, options: FromPretrainedOptions): Promise<BertModel> {
  const before = memoryStats().liveBytes;
  const model = await BertModel.fromPretrained(folder, options);
  const own = model.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  const most = own + 1.5 * pieceBytes;
  const { peakBytes, liveBytes } = memoryStats();
  assert.ok(peakBytes - before <= most, `${peakBytes - before} bytes at the peak, at most ${most} are wanted`);
  assert.ok(liveBytes - before <= own + 2 ** 16, `${liveBytes - before} bytes stay, the weights are ${own}`);
  return model;
}

test("a float32 file becomes bfloat16, and that one, PyTorch's, float32, in pieces", async () => {
  writeFloat32(root);
  const half = await loaded(root, { dtype: "bfloat16" });
  const rounded = bfloat16ToFloat32(float32ToBfloat16(numbers));
  const got = half.stateDict().get(table)!.toArray() as Float32Array; // of that dtype
  assert.equal(Buffer.compare(Buffer.from(got.buffer), Buffer.from(rounded.buffer)), 0);

  rmSync(join(root, "model.safetensors"));
  await save(half.stateDict(), join(root, "weights.pt"));
  renameSync(join(root, "weights.pt"), join(root, "pytorch_model.bin"));
  half.dispose();
  const whole = await loaded(root, { dtype: "float32" });
  const back = whole.stateDict().get(table)!.toArray() as Float32Array; // of that dtype
  assert.equal(Buffer.compare(Buffer.from(back.buffer), Buffer.from(rounded.buffer)), 0);
  whole.dispose();
});

for (const dtype of ["float32", "float16"] as const) {
  test(`NaN in the last piece is found: ${dtype}`, async () => {
    writeFloat32(root, numbers.with(-1, Number.NaN));
    await assert.rejects(BertModel.fromPretrained(root, { dtype }), /word_embeddings\.weight holds NaN/);
  });
}
