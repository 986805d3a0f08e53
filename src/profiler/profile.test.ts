// That a profile counts what ran, where it ran and nothing else, and that it leaves no trace of itself.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { ones } from "../tensor/create.ts";
import { memoryStats } from "../tensor/memory.ts";
import { randn } from "../tensor/random.ts";
import { recorder, recordFunction, setRecorder } from "../tensor/recorder.ts";
import { scope, tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import "../tensor/tensor.ts";
import { ReLU } from "../nn/activation.ts";
import { Sequential } from "../nn/container.ts";
import { Linear } from "../nn/linear.ts";
import { softmax } from "../tensor/functional/softmax.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { machinePeaks } from "./peaks.ts";
import { type Profile, ProfilerError, profile } from "./profile.ts";

const close = (got: number, wanted: number): void =>
  assert.ok(Math.abs(got - wanted) < 1e-6 * Math.max(1, wanted), `${got} is not ${wanted}`);
const row = (p: Profile, name: string, within?: string) =>
  p.operations.find((r) => r.name === name && r.within === within);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("operations", () => {
  test("calls, bytes and FLOPs", () => {
    const [a, b] = [ones([3, 5]), ones([5, 7])];
    const p = profile(() => {
      a.matmul(b);
      return a.matmul(b).add(1);
    });
    assert.deepEqual(p.value.shape, [3, 7]);
    const product = row(p, "matmul")!;
    assert.equal(product.calls, 2);
    assert.equal(product.flops, 2 * 2 * 3 * 5 * 7);
    assert.equal(product.bytes, 2 * 4 * (15 + 35 + 21));
    assert.equal(row(p, "add")!.calls, 1);
    assert.equal(p.operations.length, 2);
  });
  test("the words of operations in place", () => {
    const x = ones([4]);
    const p = profile(() =>
      x
        .add_(1)
        .copy_(ones([4]))
        .zero_()
        .normal_(),
    );
    assert.deepEqual(
      p.operations
        .map((r) => r.name)
        .filter((name) => name !== "fill_")
        .sort(),
      ["add_", "copy_", "normal_"],
    );
    assert.equal(row(p, "fill_")!.calls, 2);
  });
  test("kernels that no declared operator runs", () => {
    const x = randn([3, 100]);
    const p = profile(() => tidy(() => void [x.sort(), x.topk(2)]));
    assert.deepEqual([row(p, "sort")!.calls, row(p, "topk")!.calls], [1, 1]);
    assert.equal(row(p, "sort")!.bytes, 4 * (300 + 300));
  });
  test("shapes on request", () => {
    const body = (): void => tidy(() => void [2, 3].map((n) => ones([n, 4]).exp()));
    assert.equal(row(profile(body), "exp")!.calls, 2);
    const shapes = profile(body, { recordShapes: true })
      .operations.filter((r) => r.name === "exp")
      .map((r) => r.shapes);
    assert.deepEqual(shapes.sort(), ["[2, 4]", "[3, 4]"]);
  });
  test("backward names the step", () => {
    const w = ones([4, 4], { requiresGrad: true });
    const p = profile(() => ones([2, 4]).matmul(w).exp().sum().backward());
    assert.equal(row(p, "matmul")!.calls, 1);
    assert.equal(row(p, "matmul", "MatmulBackward0")!.calls, 1);
    assert.equal(row(p, "expBackward", "ExpBackward0")!.calls, 1);
    assert.ok(p.ranges.some((r) => r.name === "MatmulBackward0" && r.kind === "autograd"));
    assert.equal(p.ranges.find((r) => r.name === "backward")!.calls, 1);
  });
  test("a copy inside of an operation is its own", () => {
    const x = randn([64, 64]).mT;
    const p = profile(() => softmax(x, -1));
    const [outer, inner] = [row(p, "softmax")!, row(p, "clone")!];
    assert.ok(outer.totalMs >= outer.selfMs + inner.totalMs - 1e-9);
    close(outer.selfMs + inner.selfMs, p.operationMs);
  });
  test("all times add up", () => {
    const p = profile(() =>
      tidy(
        () =>
          void randn([50, 50])
            .matmul(ones([50, 50]))
            .exp()
            .sum(),
      ),
    );
    close(
      p.operations.reduce((sum, r) => sum + r.selfMs, 0),
      p.operationMs,
    );
    close(p.operationMs + p.compileMs + p.outsideMs, p.wallMs);
    close(
      p.operations.reduce((sum, r) => sum + r.share, 0),
      p.operationMs / p.wallMs,
    );
  });
  test("the share of the peak follows from it", () => {
    const peaks = machinePeaks();
    const p = profile(() => tidy(() => void ones([64, 64]).matmul(ones([64, 64]))));
    const product = row(p, "matmul")!;
    close(product.gigaflopsPerSecond!, product.flops! / product.selfMs / 1e6);
    assert.ok(product.peakShare >= product.gigaflopsPerSecond! / peaks.gigaflopsPerSecond - 1e-9);
    assert.equal(row(p, "fill_")!.bound, "memory");
  });
});

describe("ranges", () => {
  test("nest, with their own time", () => {
    const p = profile(() =>
      recordFunction("outer", () => {
        const until = performance.now() + 5;
        while (performance.now() < until);
        return recordFunction("inner", () => ones([8]).exp());
      }),
    );
    const [inner, outer] = p.ranges;
    assert.deepEqual([inner!.name, outer!.name, outer!.kind], ["inner", "outer", "user"]);
    assert.ok(outer!.totalMs >= inner!.totalMs + 5 && outer!.selfMs >= 5);
    assert.ok(outer!.selfMs <= outer!.totalMs - inner!.totalMs + 1e-9);
  });
  test("are only a call without a profile", () => {
    assert.equal(
      recordFunction("nothing", () => 7),
      7,
    );
  });
  test("modules, by the names of the model", () => {
    const model = new Sequential(new Linear(4, 4), new ReLU());
    const call = (): Tensor => noGrad(() => model(ones([2, 4])));
    assert.deepEqual(
      profile(call, { modules: model }).ranges.map((r) => r.name),
      ["0 (Linear)", "1 (ReLU)", "Sequential"],
    );
    assert.deepEqual(profile(call).ranges, []);
  });
});

describe("asynchronous bodies", () => {
  test("are profiled until they settle", async () => {
    const p = await profile(async () => {
      ones([4]).exp();
      await pause(5);
      return ones([4]).exp().numel;
    });
    assert.equal(p.value, 4);
    assert.equal(row(p, "exp")!.calls, 2);
    assert.ok(p.outsideMs > 3);
  });
  test("ranges that overlap keep their times", async () => {
    const p = await profile(() =>
      Promise.all([
        recordFunction("a", async () => {
          await pause(5);
          ones([4]).exp();
          await pause(20);
        }),
        recordFunction("b", () => pause(12)),
      ]),
    );
    const total = (name: string): number => p.ranges.find((r) => r.name === name)!.totalMs;
    assert.ok(total("a") > 20 && total("b") > 10 && total("a") > total("b"));
    const phases = p
      .traceEvents()
      .filter((event) => event.cat === "user")
      .map((event) => event.ph);
    assert.equal(phases.filter((ph) => ph === "b").length, phases.filter((ph) => ph === "e").length);
  });
  test("a range that outlives the profile ends with it", async () => {
    let done = Promise.resolve();
    const p = profile(() => {
      done = recordFunction("late", () => pause(5));
    });
    await done;
    assert.equal(p.ranges.find((r) => r.name === "late")!.calls, 1);
  });
});

describe("faults", () => {
  const fails = (): never => {
    throw new Error("mine");
  };
  test("what the body throws is thrown, and nothing listens any more", async () => {
    assert.throws(() => profile(() => recordFunction("part", () => ones([4]).exp().sum(fails()))), /^Error: mine$/);
    assert.equal(recorder, undefined);
    await assert.rejects(
      profile(async () => {
        await pause(1);
        fails();
      }),
      /^Error: mine$/,
    );
    assert.equal(recorder, undefined);
    assert.equal(
      row(
        profile(() => ones([4]).exp()),
        "exp",
      )!.calls,
      1,
    );
  });
  test("an operation that fails is closed", () => {
    const p = profile(() => {
      assert.throws(() => ones([2, 3]).matmul(ones([2, 3])));
      assert.throws(() => ones([2, 3]).indexSelect(0, ones([1], { dtype: "int32" }).mul(9)));
      return ones([2]).exp();
    });
    assert.equal(row(p, "exp")!.calls, 1);
    assert.equal(p.traceEvents().filter((event) => event.name === "exp").length, 1);
  });
  test("profiles do not nest", () => {
    assert.throws(() => profile(() => profile(() => 1)), ProfilerError);
    assert.throws(() => profile(() => profile(() => 1)), /recordFunction/);
    assert.equal(recorder, undefined);
  });
});

describe("beside the work", () => {
  test("results are the same bits", () => {
    const x = randn([33, 17]);
    const body = (): Float32Array => tidy(() => softmax(x.matmul(x.mT), -1).sum({ dim: 0 })).toArray() as Float32Array;
    assert.deepEqual(profile(body).value, body());
  });
  test("no tensor is held", () => {
    const before = memoryStats().liveBytes;
    const p = profile(() => tidy(() => void ones([256, 256]).exp()));
    assert.equal(memoryStats().liveBytes, before);
    assert.ok(p.operations.length > 0);
  });
  test("the peak of memory is the profile's, and the process keeps its own", () => {
    tidy(() => void ones([1024, 1024])); // 4 MiB before
    const before = memoryStats();
    const s = scope();
    const p = profile(() => tidy(() => void ones([512, 512])));
    s.end();
    assert.ok(p.peakBytes >= before.liveBytes + 2 ** 20 && p.peakBytes < before.liveBytes + 2 ** 21);
    assert.equal(memoryStats().peakBytes, before.peakBytes);
  });
  test("making kernels is told apart", () => {
    const x = ones([8]);
    const strange = (): Tensor => x.mul(0.1).pow(x).log1p().expm1().where(x.gt(0), x).lerp(x, x).addcdiv_(x, x);
    const [first, second] = [profile(strange), profile(strange)];
    assert.ok(first.compiledKernels > 0 && first.compileMs > 0);
    close(
      first.operations.reduce((sum, r) => sum + r.compileMs, 0),
      first.compileMs,
    );
    assert.deepEqual([second.compiledKernels, second.compileMs], [0, 0]);
  });
  test("measuring the peaks is not part of a profile", () => {
    const p = profile(() => {
      const listening = recorder;
      machinePeaks();
      assert.equal(recorder, listening);
    });
    assert.deepEqual(p.operations, []);
  });
  test("a worker profiles its own work", async () => {
    const code = `
      import { parentPort } from "node:worker_threads";
      import { ones, profile } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
      parentPort.postMessage(profile(() => ones([4]).exp()).operations.map((row) => row.name));`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    const names = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    assert.deepEqual((names as string[]).sort(), ["exp", "fill_"]);
    await worker.terminate();
    assert.equal(setRecorder(undefined), undefined);
  });
});

describe("the table", () => {
  const p = profile(() =>
    tidy(
      () =>
        void ones([64, 64])
          .matmul(ones([64, 64]))
          .exp()
          .sum(),
    ),
  );
  test("has a line for each operation, and what they add up to", () => {
    const text = String(p);
    assert.match(text, /^operation +calls +self ms/);
    for (const name of ["matmul", "exp", "sum", "fill_"]) assert.match(text, new RegExp(`^${name} +\\d`, "m"));
    assert.match(text, /^wall [\d.]+ ms: operations [\d.]+ ms \([\d.]+%\), outside of them/m);
    assert.match(text, /^memory peak [\d.]+ MB$/m);
    assert.equal(
      text.split("\n").some((line) => line !== line.trimEnd()),
      false,
    );
  });
  test("sorts and cuts", () => {
    const firstOf = (sortBy: "name" | "calls" | "flops"): string => p.table({ sortBy }).split("\n")[1]!.split(" ")[0]!;
    assert.deepEqual([firstOf("name"), firstOf("calls"), firstOf("flops")], ["exp", "fill_", "matmul"]);
    assert.match(p.table({ limit: 1 }), /\n… and 3 more\n/);
  });
});
