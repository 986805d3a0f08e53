// A run to be killed: trains the tiny tagger into the folder of the first argument, saves after every step and resumes what is
// there. Says so when the first step is done.

import { Trainer } from "../src/training/trainer.ts";
import { killedArgs, tinyRows, tinyTagger } from "./tiny-training.ts";

let told = false;
const trainer = new Trainer<object>({
  model: tinyTagger(),
  args: { ...killedArgs, outputDir: process.argv[2]!, saveStrategy: "steps", saveSteps: 1, saveTotalLimit: 3 },
  trainDataset: tinyRows(33),
  callbacks: [
    {
      onStepEnd: () => {
        if (!told) process.stdout.write("a step is done\n");
        told = true;
      },
    },
  ],
});
await trainer.train({ resumeFromCheckpoint: true });
