// `npm run test:unit [-- files…]`: Node's test runner with our reporter, over every test or over those named.

import { spawnSync } from "node:child_process";
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
const { status } = spawnSync(process.execPath, [...flags, ...files], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  stdio: "inherit",
});
process.exitCode = status ?? 1;
