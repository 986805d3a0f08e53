// Folders as `savePretrained` writes them, with the answers of their models, for check_saved_models.py to read:
// `node --conditions=kindling-source saved_models.ts FOLDER`.

import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { manualSeed, noGrad, Tensor, tensor } from "kindling";
import {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForMultipleChoice,
  AutoModelForPreTraining,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from "kindling/models";

const [into] = process.argv.slice(2);
if (into === undefined) throw new Error("saved_models.ts FOLDER");
const folders = fileURLToPath(new URL("../../test/fixtures/encoders/files", import.meta.url));
const autos = {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForMultipleChoice,
  AutoModelForPreTraining,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
};
const ids = [
  [5, 6, 7, 8, 9],
  [10, 11, 12, 13, 14],
];
const onWarning = (): void => {};

manualSeed(0);
for (const name of readdirSync(folders)) {
  for (const [auto, { fromPretrained }] of Object.entries(autos)) {
    if (auto === "AutoModelForPreTraining" && !["bert", "electra", "albert"].includes(name)) continue;
    const labels = auto.includes("Classification") ? { numLabels: 3 } : {};
    const model = await fromPretrained(join(folders, name), { onWarning, ...labels });
    if (auto === "AutoModelForMaskedLM") model.resizeTokenEmbeddings(30);
    const folder = join(into, `${name}-${auto}`);
    await model.savePretrained(folder, auto === "AutoModelForTokenClassification" ? { maxShardSize: "8KB" } : {});
    const inputIds = tensor(auto === "AutoModelForMultipleChoice" ? [ids] : ids, { dtype: "int32" });
    const answer = Object.entries(noGrad(() => model({ inputIds })) as object);
    const shown = answer.map(([key, t]) => [key, t instanceof Tensor ? t.tolist() : undefined]);
    await writeFile(join(folder, "answer.json"), JSON.stringify(Object.fromEntries(shown)));
  }
}
const half = await AutoModelForMaskedLM.fromPretrained(join(folders, "bert"), { dtype: "bfloat16" });
await half.savePretrained(join(into, "half"));
