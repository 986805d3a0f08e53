// Writes docs/benchmarks.md from what is kept in bench/results.json.

import { writeFileSync } from "node:fs";
import { root } from "./environment.ts";
import { asMarkdown, type Kept, type Result, reached, readKept } from "./results.ts";

/** How each section is headed, and what has to be said of its figures. */
const sections: { readonly [section: string]: { readonly title: string; readonly about: string } } = {
  peers: {
    title: "PyTorch and onnxruntime",
    about: `
Both are eager and on two threads, as we are, in float32, each called as its users call it. BERT and GPT-2 are transformers' own models
with random weights, without dropout, with its default attention (sdpa) and the fused AdamW that its Trainer takes; ours are
\`kindling/models\`' and \`bench/models/\`'. Products are [M, K] @ [K, N]; \`linear\` is the layer, where ours and onnxruntime's may keep the weight packed. Encoders
in onnxruntime are graphs as its transformer optimizer leaves them. A small operation is measured in runs of a hundred.`,
  },
  "js-peers": {
    title: "JavaScript",
    about: `
jax-js and TensorFlow.js with their WebAssembly backends, as they come from npm, in Node.js.`,
  },
};

export function writeReport(): void {
  const kept = readKept();
  const parts = Object.entries(sections).flatMap(([name, { title, about }]) => {
    const section = kept[name];
    return section === undefined
      ? []
      : [`## ${title}`, about.trim(), describe(section), asMarkdown(section.results), lost(section)];
  });
  writeFileSync(`${root}docs/benchmarks.md`, `${[head, ...parts].join("\n\n")}\n`);
}

const head = `# Benchmarks

Written by \`npm run bench -- peers --write\` and \`npm run bench -- js-peers --write\`; do not edit.

Every figure is a ratio, the other's time over ours: more than 1 is better for us. In each round all sides run in turn for the
same while, alone on the machine; a figure is the median of the rounds' ratios, with their quartiles in brackets. A turn in which
other programs took more than a twentieth of the processors is taken again, a few times; a row marked * has one in which they took
more than a tenth even so, and its figures are worth little: PyTorch's threads suffer most. What is aimed at stands behind "of".

To repeat: \`npm run bench -- peers\`, which makes a Python environment in \`.venv/\` if it can, or \`--python PATH\`; \`--only NAME\`
for some rows. Two commits of ours: \`npm run bench -- compare COMMIT [COMMIT]\`.`;

function describe({ machine, versions, results }: Kept): string {
  const list = Object.entries(versions).filter(([name]) => name !== "Kindling");
  const commits = [...new Set(results.map((r) => r.commit))];
  const dates = [...new Set(results.map((r) => r.date))].sort();
  const when = dates.length === 1 ? dates[0] : `${dates[0]} to ${dates.at(-1)}`;
  return [
    `- Machine: ${machine}`,
    `- Versions: ${list.map((pair) => pair.join(" ")).join(", ")}`,
    `- Measured: ${when}, commit ${commits.join(", ")}`,
  ].join("\n");
}

/** What fell short of its aim, or was slower than the other. */
function lost({ results }: Kept): string {
  const lines = results.flatMap((r) => short(r).map((text) => `- ${r.name}: ${text}`));
  return lines.length === 0 ? "Nothing fell short." : `Fell short:\n\n${lines.join("\n")}`;
}

function short({ comparisons, rate }: Result): string[] {
  const at = rate === undefined ? "" : `, at ${rate}`;
  return comparisons
    .filter((c) => !reached(c) || (c.target === undefined && c.ratio.median < 1))
    .map(
      (c) => `${c.ratio.median.toFixed(2)} times ${c.against}${c.target === undefined ? "" : ` of ${c.target}`}${at}`,
    );
}
