// Two commits of ours in turn: the second's speed over the first's, for our side of the cases of `peers`.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./suite/environment.ts";
import { measure, median, speed } from "./suite/measure.ts";
import { showMs, showRatio } from "./suite/results.ts";
import { rows } from "./suite/rows.ts";
import { type Side, startOurs } from "./suite/side.ts";

const help = `npm run bench -- compare COMMIT [COMMIT] [options]

Checks the commits out into a temporary folder and runs them in turn; without a second, this checkout as it is.

  --only NAME    cases whose name or words hold this text; may stand several times
  --rounds N     rounds of each case (8)
  --turn MS      how long a side computes in a round, at least one run (400)

Example:
  npm run bench -- compare main~5 main --only matmul`;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "8" },
    turn: { type: "string", default: "400" },
    help: { type: "boolean", default: false },
  },
});
const [before, after] = positionals;
const wanted = rows.filter(
  ({ kind, name, words }) =>
    (kind === "speed" || kind === "limit") &&
    (flags.only.length === 0 ||
      flags.only.some((text) => `${name}\n${words}`.toLowerCase().includes(text.toLowerCase()))),
);

if (before === undefined || flags.help) {
  console.log(help);
  process.exitCode = flags.help ? 0 : 1;
} else {
  const folder = mkdtempSync(join(tmpdir(), "kindling-compare-"));
  try {
    await compare(before, after, folder);
  } finally {
    for (const name of ["before", "after"]) git("worktree", "remove", "--force", join(folder, name));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(first: string, second: string | undefined, folder: string): Promise<void> {
  const start = (commit: string, name: string): Promise<Side> =>
    startOurs({ name: commit, root: checkOut(commit, join(folder, name)) });
  const old = await start(first, "before");
  const now = second === undefined ? await startOurs({ name: "this checkout" }) : await start(second, "after");
  console.log(`${now.name} over ${old.name}: how many times as fast, median (quartiles) of rounds\n`);
  for (const row of wanted) {
    const turns = { rounds: Math.min(Number(flags.rounds), row.rounds ?? Infinity), turnMs: Number(flags.turn) };
    try {
      const { ms } = await measure([now, old], row.words, turns);
      const [mine, theirs] = ms as [number[], number[]]; // two sides
      const each = [theirs, mine].map((all) => showMs(median(all) / (row.count ?? 1)).padStart(8)).join(" to");
      console.log(`${row.name.padEnd(40)} ${each}   ${showRatio(speed(mine, theirs))}`);
    } catch (error) {
      console.log(`${row.name.padEnd(40)} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await Promise.all([old.close(), now.close()]);
}

/** A commit in a folder of its own. One older than the cases gets this checkout's, and runs those it can. */
function checkOut(commit: string, path: string): string {
  const { status, stderr } = git("worktree", "add", "--detach", path, commit);
  if (status !== 0) throw new Error(`${commit}: ${stderr.trim()}`);
  symlinkSync(join(root, "node_modules"), join(path, "node_modules"));
  for (const part of ["bench/suite", "bench/models"])
    if (!existsSync(join(path, part))) cpSync(join(root, part), join(path, part), { recursive: true });
  return path;
}

function git(...args: string[]): { readonly status: number | null; readonly stderr: string } {
  return spawnSync("git", args, { cwd: root, encoding: "utf8" });
}
