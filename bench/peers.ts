// Everything that shall be as fast as PyTorch and onnxruntime, beside them: one row of the table after the other, all sides in turn,
// on two threads. Prints how many times as fast we are, and whether that was the aim.

import { parseArgs } from "node:util";
import { writeReport } from "./suite/document.ts";
import { commit, findPython, machine } from "./suite/environment.ts";
import { asText, disturbedShare, type Kept, keep, type Result, reached, showComparison } from "./suite/results.ts";
import { rows } from "./suite/rows.ts";
import { runRow, type Sides } from "./suite/run-row.ts";
import { checkIdle, startOnnx, startOurs, startTorch } from "./suite/side.ts";

const help = `npm run bench -- peers [options]

  --python PATH  a Python with torch, transformers, onnxruntime and onnx; otherwise .venv/ is used, and made if need be
  --only NAME    rows whose name or case holds this text; may stand several times
  --rounds N     rounds of each row (8)
  --turn MS      how long a side computes in a round, at least one run (400)
  --write        keep the results in bench/results.json and write docs/benchmarks.md
  --list         the rows, without measuring

All of it takes about a quarter of an hour. Example:
  npm run bench -- peers --only encoder --only "training step" --rounds 4`;

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "8" },
    turn: { type: "string", default: "400" },
    write: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const wanted = rows.filter(
  ({ name, words }) =>
    flags.only.length === 0 ||
    flags.only.some((text) => `${name}\n${words}`.toLowerCase().includes(text.toLowerCase())),
);

if (flags.help) console.log(help);
else if (flags.list) for (const { name, words } of wanted) console.log(`${name.padEnd(48)} ${words}`);
else await main();

async function main(): Promise<void> {
  if (wanted.length === 0) throw new Error(`no row holds ${flags.only.join(" or ")}; --list shows them`);
  const python = findPython(flags.python);
  const versions = { Kindling: commit(), "Node.js": process.versions.node, ...python.versions };
  console.log(
    `${machine()}\n${Object.entries(versions)
      .map((pair) => pair.join(" "))
      .join(", ")}\n`,
  );
  const sides: Sides = {
    ours: await startOurs(),
    peers: { PyTorch: await startTorch(python.path), onnxruntime: await startOnnx(python.path) },
    python: python.path,
  };
  const all = [sides.ours, ...Object.values(sides.peers)];
  const results: Result[] = [];
  for (const [i, row] of wanted.entries()) {
    const place = `[${i + 1}/${wanted.length}] ${row.name}`;
    const progress = (round: number, of: number): void => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${place}, round ${round + 1} of ${of}`);
    };
    await checkIdle(all);
    const result = await runRow(row, sides, { rounds: Number(flags.rounds), turnMs: Number(flags.turn), progress });
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    const disturbed =
      result.disturbed > disturbedShare ? `   (others took up to ${(100 * result.disturbed).toFixed(0)} %)` : "";
    const said = result.comparisons.map((c) => `${c.against}: ${showComparison(c)}`);
    console.log(`${place}   ${said.join("   ")}${disturbed}`);
    results.push(result);
    if (flags.write) write(versions, result);
  }
  await Promise.all(all.map((side) => side.close()));
  const missed = results.filter((r) => !r.comparisons.every(reached));
  console.log(`\n${asText(results)}\n\n${results.length - missed.length} of ${results.length} rows reached their aim.`);
}

/** After each row, so that what was measured is kept if the rest is not. */
function write(versions: Kept["versions"], result: Result): void {
  const names = rows.map((row) => row.name);
  keep("peers", names, { machine: machine(), versions, results: [result] });
  writeReport();
}
