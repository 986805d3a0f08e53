// `npm run test:unit [-- files…]`: Node's test runner with our reporter, over every test or over those named.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const everything = ["src/**/*.test.ts", "test/**/*.test.ts", "scripts/**/*.test.ts"];
const named = process.argv.slice(2);
const flags = [
  "--conditions=kindling-source",
  "--test",
  "--test-timeout=300000",
  "--test-concurrency=2", // kernels bring threads of their own
  "--test-reporter=./scripts/reporter.ts",
  "--test-reporter-destination=stdout",
];
const files = named.some((name) => !name.startsWith("--")) ? named : [...named, ...everything];
const root = fileURLToPath(new URL("..", import.meta.url));
// Every test file is a process of its own, and many start others: what one has compiled, the next need not.
const cache = { NODE_COMPILE_CACHE: join(root, "node_modules/.cache/compiled") };
const { status } = spawnSync(process.execPath, [...flags, ...files], {
  cwd: root,
  stdio: "inherit",
  env: { ...cache, ...process.env },
});
process.exitCode = status ?? 1;
