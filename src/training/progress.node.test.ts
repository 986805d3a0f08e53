// The bar in a terminal (a small one is played here, to see what a person would) and the lines everywhere else.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Writable } from "node:stream";
import { afterEach, beforeEach, mock, test } from "node:test";
import { progressBar } from "./progress.node.ts";

beforeEach(() => mock.timers.enable({ apis: ["Date", "setTimeout"] }));
afterEach(() => mock.timers.reset());

class Sink extends Writable {
  written = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }
}

/** Plays what a terminal does with the few sequences that a bar may use; any other one fails. */
class Terminal extends Sink {
  readonly isTTY = true;
  readonly columns = 78;

  screen(): string[] {
    const lines: string[] = [""];
    let [row, column] = [0, 0];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    for (const [token, count, command] of this.written.matchAll(/\u001b\[(\d*)([A-Z])|./gsu)) {
      const line = lines[row] ?? "";
      if (token === "\n") {
        [row, column] = [row + 1, 0];
        if (lines.length <= row) lines.push("");
      } else if (token === "\r" || command === "G") column = Number(count ?? 1) - 1;
      else if (command === "A") row -= Number(count);
      else if (command === "K") lines[row] = count === "2" ? "" : line.slice(0, column);
      else if (command !== undefined || token < " ") assert.fail(`sequence ${JSON.stringify(token)}`);
      else lines[row] = line.slice(0, column).padEnd(column) + token + line.slice(++column);
    }
    return lines;
  }
}

test("lines where there is no terminal: the first, one each ten seconds, and the last", () => {
  const sink = new Sink();
  const bar = progressBar(100, { label: "train", stream: sink });
  for (let step = 1; step <= 100; step++) {
    mock.timers.tick(250);
    bar.update(step, step === 1 ? { loss: 2.34567, tokensPerSecond: 12345.6, learningRate: 5e-5 } : {});
    if (step === 50) bar.log("eval loss 2.1");
  }
  bar.stop();
  assert.deepEqual(sink.written.split("\n"), [
    "train   1% 1/100  loss 2.3457  12,346 tokens/s  lr 5.00e-5  25 s left",
    "train  41% 41/100  loss 2.3457  12,346 tokens/s  lr 5.00e-5  15 s left",
    "eval loss 2.1",
    "train  81% 81/100  loss 2.3457  12,346 tokens/s  lr 5.00e-5  5 s left",
    "train 100% 100/100  loss 2.3457  12,346 tokens/s  lr 5.00e-5  in 25 s",
    "",
  ]);
});

test("a resumed run judges the time left by its own steps", () => {
  const sink = new Sink();
  const bar = progressBar(10_000, { label: "train", startStep: 9000, stream: sink });
  mock.timers.tick(60_000);
  bar.update(9100, { loss: Number.NaN });
  bar.stop();
  bar.stop();
  bar.update(9200);
  bar.log("done");
  assert.equal(sink.written, "train  91% 9100/10000  loss NaN  9 min 0 s left\ndone\n");
});

test("times of every length", () => {
  for (const [ms, said] of [
    [1000, "9 s"],
    [60_000, "9 min 0 s"],
    [3_600_000, "9 h 0 min"],
    [86_400_000, "9 d 0 h"],
  ] as const) {
    const sink = new Sink();
    const bar = progressBar(10, { label: "x", stream: sink });
    mock.timers.tick(ms);
    bar.update(1);
    assert.match(sink.written, new RegExp(`  ${said} left\n$`));
  }
});

test("a bar at the bottom of a terminal, log lines above it, cut to its width", () => {
  const terminal = new Terminal();
  const bar = progressBar(8, { label: "train", stream: terminal });
  const lines: string[] = [];
  for (let step = 1; step <= 4; step++) {
    mock.timers.tick(500);
    bar.update(step, { loss: 1 / step, learningRate: 1e-3 });
    if (step % 2 === 0) {
      lines.push(`step ${step}: a line that is ${step === 4 ? "longer ".repeat(4) : ""}above the bar`);
      bar.log(lines.at(-1) ?? "");
    }
    const screen = terminal.screen();
    assert.deepEqual(screen.slice(0, -1), lines);
    assert.match(
      screen.at(-1) ?? "",
      new RegExp(`^train █{${step * 3}}░{${24 - step * 3}}  *${Math.floor(12.5 * step)}% ${step}/8  loss `),
    );
  }
  assert.equal(terminal.screen().at(-1), "train ████████████░░░░░░░░░░░░  50% 4/8  loss 0.2500  lr 1.00e-3  2 s left");
  bar.update(5, { tokensPerSecond: 123456 });
  bar.stop();
  bar.log("after");
  const screen = terminal.screen();
  assert.equal(
    screen[2],
    "train ███████████████░░░░░░░░░  62% 5/8  loss 0.2500  123,456 tokens/s  lr 1.00".slice(0, 78),
  );
  assert.deepEqual(screen.slice(3), ["after", ""]);
});

test("draws no more often than ten times a second", () => {
  const terminal = new Terminal();
  const bar = progressBar(1000, { label: "train", stream: terminal });
  for (let step = 1; step <= 1000; step++) {
    mock.timers.tick(1);
    bar.update(step);
  }
  const draws = terminal.written.split("train").length - 1;
  assert.ok(draws >= 9 && draws <= 25, `${draws} draws`);
  bar.stop();
  assert.match(terminal.screen()[0] ?? "", /100% 1000\/1000 {2}in 1 s$/);
});

test("a bar that nobody stopped does not keep the process alive", () => {
  const program = `
    import { progressBar } from ${JSON.stringify(new URL("./progress.node.ts", import.meta.url).href)};
    const stream = Object.assign(process.stderr, { isTTY: true, columns: 80 });
    progressBar(10, { label: "train", stream }).update(1);`;
  const result = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    timeout: 10_000,
    encoding: "utf8",
  });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /train .+ 10% 1\/10/);
});
