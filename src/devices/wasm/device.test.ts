import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { platform } from "#runtime/base/platform";
import { DeviceError } from "../../base/errors.ts";
import type { WorkerHandle } from "../../base/platform.ts";
import * as b from "../../ir/build.ts";
import type { Kernel } from "../../ir/ir.ts";
import { createWasmDevice, type WasmDevice } from "./device.ts";

const MiB = 2 ** 20;

/** y[i] = x[i] + a */
const shifted = (): Kernel =>
  b.kernel("shifted", { x: "ptr", y: "ptr", a: "f32" }, (k, { x, y, a }) => {
    k.for(k.begin, k.end, 1, (i) => k.store("f32", y, i, b.add(b.load("f32", x, i), a)));
  });

/** y[i] = x[(7 i + 3) mod n] + 1: reads what other threads wrote. */
const stirred = (): Kernel =>
  b.kernel("stirred", { x: "ptr", y: "ptr", n: "i32" }, (k, { x, y, n }) => {
    k.for(k.begin, k.end, 1, (i) => {
      const from = b.rem(b.add(b.mul(i, 7), 3), n);
      k.store("i32", y, i, b.add(b.load("i32", x, from), 1));
    });
  });

/** Counts tasks by thread, a cache line or two apart; one thread traps if asked to. */
const counted = (): Kernel =>
  b.kernel("counted", { counts: "ptr", trap: "i32" }, (k, { counts, trap }) => {
    k.if(b.eq(k.thread, trap), () => k.store("i32", b.i32(-64), 0, b.i32(1)));
    const mine = b.mul(k.thread, 32);
    k.store("i32", counts, mine, b.add(b.load("i32", counts, mine), b.sub(k.end, k.begin)));
  });

function withDevice(threads: number, body: (device: WasmDevice) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const device = createWasmDevice({ threads });
    try {
      await body(device);
    } finally {
      device.close();
    }
  };
}

/** Runs until a worker has done some of the work. */
function untilHelped(device: WasmDevice, counts: number): void {
  const kernel = device.compile("counted", counted);
  const until = performance.now() + 10_000;
  while (device.i32[counts / 4 + 32] === 0) {
    assert.ok(performance.now() < until, "no worker takes part");
    device.run(kernel, [counts, -1], 200, 1);
  }
}

function zeros(device: WasmDevice, bytes: number): number {
  const address = device.alloc(bytes);
  device.u8.fill(0, address, address + bytes);
  return address;
}

for (const threads of [1, 2, 4]) {
  test(
    `thousands of small runs are right with ${threads} threads`,
    withDevice(threads, (device) => {
      const n = 1000;
      const [x, y] = [zeros(device, 4 * n), zeros(device, 4 * n)];
      const kernel = device.compile("shifted", shifted);
      for (let i = 0; i < n; i++) device.f32[x / 4 + i] = i;
      for (let round = 0; round < 4000; round++) {
        const tasks = (round * 37) % (n + 1);
        device.f32.fill(-1, y / 4, y / 4 + n);
        device.run(kernel, [x, y, round], tasks, 1 + (round % 90));
        const got = device.f32.subarray(y / 4, y / 4 + n);
        assert.ok(
          got.every((v, i) => v === (i < tasks ? i + round : -1)),
          `round ${round}, ${tasks} tasks`,
        );
      }
    }),
  );

  test(
    `a thousand phases see each other's results with ${threads} threads`,
    withDevice(threads, (device) => {
      const n = 4001;
      const [x, y] = [zeros(device, 4 * n), zeros(device, 4 * n)];
      const kernel = device.compile("stirred", stirred);
      for (let round = 0; round < 5; round++) {
        for (let i = 0; i < n; i++) device.i32[x / 4 + i] = i;
        const launches = Array.from({ length: 1000 }, (_, p) => {
          const args = p % 2 === 0 ? [x, y, n] : [y, x, n];
          return { kernel, args, tasks: n, grain: p % 5 === 4 ? n : 1 + (p % 700) };
        });
        device.runAll(launches);
        // Undo the permutation for one element after the other.
        for (let i = 0; i < n; i++) {
          let from = i;
          for (let p = 0; p < launches.length; p++) from = (7 * from + 3) % n;
          assert.equal(device.i32[x / 4 + i], from + launches.length);
        }
      }
    }),
  );

  test(
    `a trap on the calling thread is an error, and the next run works with ${threads} threads`,
    withDevice(threads, (device) => {
      const counts = zeros(device, 4096);
      const kernel = device.compile("counted", counted);
      const launch = { kernel, args: [counts, -1], tasks: 100, grain: 3 };
      for (let i = 0; i < 20; i++) {
        assert.throws(() => device.run(kernel, [counts, 0], 100, 1), DeviceError);
        assert.throws(() => device.runAll([launch, { ...launch, args: [counts, 0] }, launch]), /counted/);
        device.i32.fill(0, counts / 4, counts / 4 + 1024);
        device.runAll([launch, launch]);
        assert.equal(
          device.i32.subarray(counts / 4, counts / 4 + 1024).reduce((a, c) => a + c),
          200,
        );
      }
    }),
  );
}

test(
  "workers help, and a trap in one of them is an error after which all goes on",
  withDevice(2, (device) => {
    const counts = zeros(device, 4096);
    const kernel = device.compile("counted", counted);
    untilHelped(device, counts);
    let failures = 0;
    for (let i = 0; i < 2000 && failures < 5; i++) {
      try {
        device.run(kernel, [counts, 1], 1000, 1);
      } catch (error) {
        assert.ok(error instanceof DeviceError);
        assert.match(error.message, /counted: .*(out of bounds|unreachable)/);
        failures += 1;
      }
    }
    assert.ok(failures > 0);
    device.i32.fill(0, counts / 4, counts / 4 + 1024);
    untilHelped(device, counts);
  }),
);

test(
  "memory grows under running workers, and old blocks keep their content",
  withDevice(2, (device) => {
    const counts = zeros(device, 4096);
    untilHelped(device, counts);
    const kernel = device.compile("shifted", shifted);
    const n = 100_000;
    const x = device.alloc(4 * n);
    for (let i = 0; i < n; i++) device.f32[x / 4 + i] = i;
    for (let round = 1; round < 10; round++) {
      const y = device.alloc(20 * MiB);
      device.run(kernel, [x, y + 18 * MiB, round], n, 500);
      for (let i = 0; i < n; i += 99) assert.equal(device.f32[(y + 18 * MiB) / 4 + i], i + round);
    }
    // A kernel that workers first meet behind the end of the memory as it was when they started.
    const late = device.compile("stirred", stirred);
    const [a, c] = [zeros(device, 4 * n), zeros(device, 4 * n)];
    device.run(late, [a, c, n], n, 100);
    assert.ok(device.i32.subarray(c / 4, c / 4 + n).every((v) => v === 1));
  }),
);

test(
  "memory that is not shared grows too",
  withDevice(1, (device) => {
    const x = device.alloc(64);
    device.f32[x / 4] = 3;
    const y = device.alloc(100 * MiB);
    device.run(device.compile("shifted", shifted), [x, y, 1], 1, 1);
    assert.equal(device.f32[y / 4], 4);
  }),
);

test(
  "statistics do not count what the device keeps for itself",
  withDevice(2, (device) => {
    const kernel = device.compile("counted", counted);
    const counts = device.alloc(4096);
    const before = device.memoryStats();
    device.runAll(Array.from({ length: 500 }, () => ({ kernel, args: [counts, -1], tasks: 10, grain: 1 })));
    device.scratch(MiB);
    assert.equal(device.memoryStats().liveBytes, before.liveBytes);
    device.free(counts);
    assert.equal(device.memoryStats().liveBlocks, 0);
  }),
);

test(
  "equal keys give the kernel that is there",
  withDevice(1, (device) => {
    const first = device.compile("shifted", shifted);
    assert.equal(
      device.compile("shifted", () => assert.fail()),
      first,
    );
    assert.throws(() => device.run(first, [0], 1, 1), /1 arguments for 3 parameters/);
  }),
);

test(
  "scratch has room for every thread",
  withDevice(4, (device) => {
    const first = device.scratch(1000);
    assert.ok(first > 0 && first % 64 === 0);
    const larger = device.scratch(10 * MiB);
    assert.ok(larger + 40 * MiB <= device.u8.length);
    assert.equal(device.scratch(5000), larger);
  }),
);

/** Counts like `counted`; one thread never comes back: to those who wait it is as dead as one that the system has ended. */
const stuck = (): Kernel =>
  b.kernel("stuck", { counts: "ptr", victim: "i32" }, (k, { counts, victim }) => {
    // A new kernel is called on zeros by thread 0, which must come back.
    k.if(b.eq(k.thread, b.select(b.eq(victim, 0), b.i32(-1), victim)), () => {
      const turns = k.let("turns", b.i32(1));
      k.while(b.ne(turns, 0), () => k.set(turns, b.or(b.add(turns, 2), 1)));
    });
    const mine = b.mul(k.thread, 32);
    k.store("i32", counts, mine, b.add(b.load("i32", counts, mine), b.sub(k.end, k.begin)));
  });

for (const threads of [2, 3]) {
  test(`a thread that is gone with its work is an error, and the others go on, of ${threads} threads`, () => {
    const device = createWasmDevice({ threads, patience: { chunkMs: 200 } });
    try {
      const counts = zeros(device, 4096);
      const kernel = device.compile("stuck", stuck);
      untilHelped(device, counts);
      const hang = (): void => {
        for (let i = 0; i < 2000; i++) device.run(kernel, [counts, 1], 1000, 1);
      };
      assert.throws(hang, (error: unknown) => {
        assert.ok(error instanceof DeviceError);
        assert.match(error.message, /^stuck: a thread went away with its work \(thread 1 is gone: it did not finish/);
        return true;
      });
      assert.match(device.problem ?? "", /thread 1 is gone/);
      for (let round = 0; round < 50; round++) {
        device.i32.fill(0, counts / 4, counts / 4 + 1024);
        device.run(kernel, [counts, 1], 1000, 1); // it can do no more harm
        const all = device.i32.subarray(counts / 4, counts / 4 + 1024);
        assert.equal(
          all.reduce((x, y) => x + y),
          1000,
        );
        assert.equal(all[32], 0);
      }
    } finally {
      device.close();
    }
  });
}

test("a thread that was ended from outside leaves its work to the others", async () => {
  const { spawnWorker } = platform;
  const replaceable = platform as { spawnWorker: typeof spawnWorker }; // only here
  const workers: WorkerHandle[] = [];
  replaceable.spawnWorker = (url) => {
    workers.push(spawnWorker(url));
    return workers.at(-1)!;
  };
  try {
    await withDevice(2, (device) => {
      const counts = zeros(device, 4096);
      untilHelped(device, counts);
      workers[0]!.terminate();
      const kernel = device.compile("counted", counted);
      for (let round = 0; round < 200; round++) {
        device.i32.fill(0, counts / 4, counts / 4 + 1024);
        device.run(kernel, [counts, -1], 1000, 1);
        assert.equal(
          device.i32.subarray(counts / 4, counts / 4 + 1024).reduce((x, y) => x + y),
          1000,
        );
      }
    })();
  } finally {
    replaceable.spawnWorker = spawnWorker;
  }
});

test("threads that cannot start leave the work to the calling one", async () => {
  const { spawnWorker } = platform;
  const replaceable = platform as { spawnWorker: typeof spawnWorker }; // only here
  replaceable.spawnWorker = () => {
    throw new Error("no threads today");
  };
  try {
    await withDevice(2, (device) => {
      const counts = zeros(device, 4096);
      device.run(device.compile("counted", counted), [counts, -1], 1000, 1);
      assert.equal(device.i32[counts / 4], 1000);
      assert.match(device.problem ?? "", /no threads today/);
    })();
  } finally {
    replaceable.spawnWorker = spawnWorker;
  }
});

test(
  "after its threads are ended a device works alone",
  withDevice(2, (device) => {
    const counts = zeros(device, 4096);
    untilHelped(device, counts);
    device.close();
    device.i32.fill(0, counts / 4, counts / 4 + 1024);
    device.run(device.compile("counted", counted), [counts, -1], 1000, 1);
    assert.equal(device.i32[counts / 4], 1000);
  }),
);

test("works where memory cannot be shared", () => {
  const url = JSON.stringify(new URL("./device.ts", import.meta.url).href);
  const script = `
    delete globalThis.SharedArrayBuffer;
    const { createWasmDevice } = await import(${url});
    const device = createWasmDevice();
    console.log(device.threads, device.f32.buffer.constructor.name);
  `;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(printed, "1 ArrayBuffer\n");
});

test("a process with workers ends by itself", () => {
  const url = new URL("./device.ts", import.meta.url).href;
  const build = new URL("../../ir/build.ts", import.meta.url).href;
  const script = `
    import { createWasmDevice } from ${JSON.stringify(url)};
    import * as b from ${JSON.stringify(build)};
    const device = createWasmDevice({ threads: 3 });
    const kernel = device.compile("k", () => b.kernel("k", { y: "ptr" }, (k, { y }) => k.store("i32", y, k.begin, b.i32(0))));
    const y = device.alloc(4000);
    for (let i = 0; i < 20; i++) device.run(kernel, [y], 1000, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    device.run(kernel, [y], 1000, 1);
    console.log("done");
  `;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(printed, "done\n");
});
