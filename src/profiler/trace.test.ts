// That a trace is what the format's description asks for: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ones } from "../tensor/create.ts";
import { recordFunction } from "../tensor/recorder.ts";
import { tidy } from "../tensor/scope.ts";
import "../tensor/tensor.ts";
import { profile } from "./profile.ts";
import type { TraceEvent } from "./trace.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Throws where the events break the format. */
function validate(events: readonly TraceEvent[]): void {
  const open: TraceEvent[] = [];
  const pairs = new Map<number, TraceEvent>();
  let last = 0;
  for (const event of events) {
    assert.equal(typeof event.name, "string");
    for (const field of ["ts", "pid", "tid"] as const) assert.ok(Number.isFinite(event[field]), field);
    assert.ok(event.ts >= last, "sorted by time");
    last = event.ts;
    if (event.ph === "X") {
      assert.ok(event.dur! >= 0);
      while (open.length > 0 && end(open.at(-1)!) <= event.ts + 1e-6) open.pop();
      const around = open.at(-1);
      if (around !== undefined && event.dur! > 0)
        assert.ok(end(event) <= end(around) + 1e-6, `${event.name} leaves ${around.name}`);
      open.push(event);
    } else if (event.ph === "b") pairs.set(event.id!, event);
    else if (event.ph === "e") {
      assert.equal(pairs.get(event.id!)?.name, event.name);
      assert.equal(pairs.get(event.id!)?.cat, event.cat);
      pairs.delete(event.id!);
    } else if (event.ph === "C") {
      for (const value of Object.values(event.args!)) assert.ok(Number.isFinite(value));
    } else assert.ok(event.ph === "M" && typeof event.args?.["name"] === "string");
  }
  assert.equal(pairs.size, 0);
}
const end = (event: TraceEvent): number => event.ts + event.dur!;

function training(): void {
  const w = ones([16, 16], { requiresGrad: true });
  tidy(() => recordFunction("step", () => ones([4, 16]).mT.contiguous().mT.matmul(w).exp().sum().backward()));
}

test("complete events nest, counters count", () => {
  const events = profile(training).traceEvents();
  validate(events);
  const find = (name: string): TraceEvent => events.find((event) => event.name === name && event.ph === "X")!;
  const [step, product, node] = [find("step"), find("matmul"), find("MatmulBackward0")];
  assert.ok(step.ts <= product.ts && end(product) <= node.ts && end(node) <= end(step));
  assert.deepEqual(product.args!["inputs"], ["float32 [4, 16]", "float32 [16, 16]"]);
  assert.equal(product.args!["flops"], 2 * 4 * 16 * 16);
  assert.ok(events.some((event) => event.ph === "C" && Number(event.args!["live bytes"]) >= 16 * 16 * 4));
});

test("ranges that overlap are pairs", async () => {
  const p = await profile(async () => {
    const first = recordFunction("first", () => pause(5));
    const second = recordFunction("second", async () => {
      training();
      await pause(15);
      training();
    });
    await Promise.all([first, second]);
  });
  const events = p.traceEvents();
  validate(events);
  assert.deepEqual(
    events.flatMap((event) => (event.name === "first" ? [event.ph] : [])),
    ["b", "e"],
  );
});

test("compiling stands inside of the operation that needed it", () => {
  const x = ones([3], { dtype: "float64" });
  const events = profile(() => tidy(() => void x.mul(x).sigmoid().log2())).traceEvents();
  validate(events);
  const compiles = events.filter((event) => event.cat === "compile");
  const operations = events.filter((event) => event.cat === "operation" && event.ph === "X");
  assert.ok(compiles.length >= 3);
  for (const c of compiles)
    assert.ok(
      operations.some((o) => o.ts <= c.ts && end(c) <= end(o) + 1e-6),
      c.name,
    );
});

test("the file is whole, and alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-trace-"));
  try {
    const p = profile(training);
    const path = join(folder, "deep/trace.json");
    await p.writeTrace(path);
    await p.writeTrace(path);
    const { traceEvents, displayTimeUnit } = JSON.parse(readFileSync(path, "utf8"));
    assert.deepEqual(traceEvents, JSON.parse(JSON.stringify(p.traceEvents())));
    assert.equal(displayTimeUnit, "ms");
    validate(traceEvents);
    assert.deepEqual(readdirSync(join(folder, "deep")), ["trace.json"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
