// How much of PyTorch's operator database is here and agrees: `node --conditions=kindling-source scripts/parity.ts [--samples F] [--failures]`
// replays the samples and prints a table; `--write` makes docs/parity.md of it.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { replay } from "../test/opinfo/replay.ts";
import { adapters } from "../test/opinfo/table.ts";
import { readSamples } from "../test/opinfo/values.ts";

const { values: flags } = parseArgs({
  options: {
    samples: {
      type: "string",
      default: fileURLToPath(new URL("../test/fixtures/opinfo/samples.json.gz", import.meta.url)),
    },
    failures: { type: "boolean", default: false },
    only: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const samples = readSamples(flags.samples);
const rows: string[] = [];
const missing: string[] = [];
const total = { operators: 0, whole: 0, passed: 0, failed: 0, notApplicable: 0 };
for (const [name, stored] of Object.entries(samples)) {
  if (flags.only !== undefined && !name.includes(flags.only)) continue;
  const adapter = adapters[name];
  total.operators += 1;
  if (adapter === undefined) {
    missing.push(name);
    continue;
  }
  const { passed, failed, notApplicable } = replay(adapter, stored);
  const apart = [...notApplicable].map(([reason, times]) => `${times}: ${reason}`).join("; ");
  const away = [...notApplicable.values()].reduce((sum, n) => sum + n, 0);
  total.passed += passed;
  total.failed += failed.length;
  total.notApplicable += away;
  if (failed.length === 0) total.whole += 1;
  rows.push(`| ${name} | ${passed} | ${failed.length} | ${away} | ${apart.replaceAll("|", "\\|")} |`);
  if (flags.failures)
    for (const failure of failed) console.log(`${name}: ${failure.replaceAll("\n", " ").slice(0, 600)}`);
}
const summary = `${total.operators - missing.length} of ${total.operators} operators are here, ${total.whole} of them without a failure: ${total.passed} samples passed, ${total.failed} failed, ${total.notApplicable} not applicable.`;
console.log(`${summary}\n\nnot here: ${missing.join(" ")}`);
if (flags.write) {
  const text = `# Parity with PyTorch's operators

Samples of PyTorch 2.13's own operator database (\`op_db\`: values, strides, dtypes, arguments and the inputs that must fail), replayed by
\`test/opinfo.test.ts\`. \`scripts/goldens/opinfo.py\` draws them, \`scripts/parity.ts --write\` makes this page.

${summary}

Ids and counts are int32 where PyTorch has int64.

| operator | passed | failed | not applicable | why |
|---|---|---|---|---|
${rows.join("\n")}

Not here: ${missing.join(", ")}.
`;
  writeFileSync(fileURLToPath(new URL("../docs/parity.md", import.meta.url)), text);
}
