// Answers lines as ../peers/protocol.py describes: `open CASE…`, `run REPS TIMES`, `quit`.

import { createInterface } from "node:readline";

/** @param {Record<string, (...words: (string | number)[]) => () => unknown>} families a case's name to what makes it */
export async function serve(families) {
  let run;
  const answers = {
    async open(family, ...words) {
      if (families[family] === undefined) throw new Error(`no case ${family}`);
      run = await families[family](...words.map((word) => (/^\d+$/.test(word) ? Number(word) : word)));
      await run();
      return {};
    },
    async run(reps, times) {
      const ms = [];
      for (let rep = 0; rep < reps; rep++) {
        const start = performance.now();
        for (let i = 0; i < times; i++) await run();
        ms.push((performance.now() - start) / times);
      }
      return { ms };
    },
  };
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, ...rest] = line.split(" ");
    if (word === "quit") process.exit();
    const answer = await answers[word](...rest).catch((error) => ({ error: String(error) }));
    console.log(JSON.stringify(answer));
  }
}

/** The layers of MiniLM and BERT. */
export const encoders = {
  minilm: { layers: 6, C: 384, H: 12, I: 1536 },
  bert: { layers: 12, C: 768, H: 12, I: 3072 },
};

/** Sizes from layer to layer of the perceptron. */
export const perceptron = [784, 512, 512, 10];
