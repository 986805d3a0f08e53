// The process that runs our side. It answers lines as `peers/protocol.py` describes: `open CASE…`, `run REPS TIMES`, `mem`, `quit`.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Case, openCase } from "./cases.ts";

let current: Case | undefined;

const answers: { readonly [word: string]: (...words: string[]) => unknown } = {
  open(...words) {
    current?.free();
    current = openCase(words);
    current.run();
    return {};
  },
  run(reps, times) {
    const opened = current;
    if (opened === undefined) throw new Error("nothing is open");
    const ms = Array.from({ length: Number(reps) }, () => {
      const start = performance.now();
      for (let i = 0; i < Number(times); i++) opened.run();
      return (performance.now() - start) / Number(times);
    });
    return { ms };
  },
  mem() {
    const status = readFileSync("/proc/self/status", "utf8");
    const kilobytes = (field: string): number => Number(new RegExp(`${field}:\\s*(\\d+)`).exec(status)?.[1]);
    return { peak_rss_bytes: 1024 * kilobytes("VmHWM"), rss_bytes: 1024 * kilobytes("VmRSS") };
  },
};

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(" ");
  if (word === "quit") break;
  let answer: unknown;
  try {
    answer = answers[word ?? ""]?.(...rest) ?? { error: `no command ${word}` };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
process.exit();
