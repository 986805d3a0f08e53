// The Trainer where there may be no folders.

import { platform } from "#runtime/base/platform";
import { UnsupportedError } from "../../src/base/errors.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { quick, tinyRows, tinyTagger } from "../tiny-training.ts";
import { equal, ok, type Suite, suite } from "./harness.ts";

export const training: Suite = suite("Trainer", (test) => {
  const rows = tinyRows(40);
  const trainer = (args: object): Trainer<object> =>
    new Trainer<object>({
      model: tinyTagger(0, 0.1),
      trainDataset: rows,
      evalDataset: rows,
      args: { ...quick, ...args },
    });

  test("learns without a folder", async () => {
    const it = trainer({ numTrainEpochs: 6, evalStrategy: "epoch" });
    const { globalStep } = await it.train();
    equal(globalStep, 60);
    const losses = it.state.logHistory.flatMap((entry) => entry["evalLoss"] ?? []);
    equal(losses.length, 6);
    ok(losses.at(-1)! < 0.7 * losses[0]!, losses.join(" "));
  });

  test("a page has no folders", async () => {
    if (platform.name !== "web") return;
    const error = await trainer({ outputDir: "runs/x" })
      .train()
      .catch((thrown: unknown) => thrown);
    ok(error instanceof UnsupportedError, String(error));
  });
});
