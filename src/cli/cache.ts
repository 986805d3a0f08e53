// `kindling cache`: what was downloaded, how large it is, whether it is whole, and taking it away.

import type { Command } from "commander";
import { ArgumentError, KindlingError } from "../base/errors.ts";
import { type CachedRepo, removeRepo, removeRevision, scanCache, verifyCache } from "../hub/scan.node.ts";
import { readSettings } from "../hub/settings.node.ts";

interface Flags {
  readonly cacheDir?: string;
}

export function addCache(program: Command): void {
  const cache = program
    .command("cache")
    .description("The models and data sets that were downloaded, shared with Python's huggingface_hub.");
  const option = ["--cache-dir <folder>", "another cache than HF_HUB_CACHE"] as const;
  cache
    .command("dir")
    .description("Print where the cache is.")
    .addHelpText("after", "\nExample:\n  $ du -sh $(kindling cache dir)")
    .action(() => console.log(readSettings().cacheDir));
  cache
    .command("ls")
    .description("List what is there, with sizes.")
    .option(...option)
    .option("--revisions", "a line for each revision")
    .option("--json", "print it as JSON")
    .addHelpText("after", "\nExample:\n  $ kindling cache ls --revisions")
    .action(list);
  cache
    .command("rm")
    .description("Delete repositories, or one revision of one.")
    .argument("<repos...>", 'names, as "org/name"; "datasets/org/name" for data')
    .option("--revision <name>", "only this commit, or the one that this branch was")
    .option(...option)
    .addHelpText("after", "\nExample:\n  $ kindling cache rm openai-community/gpt2")
    .action(remove);
  cache
    .command("verify")
    .description("Hash every file and compare with its name; exit code 1 if one is wrong.")
    .argument("[repos...]", "only these")
    .option("--remove", "delete what is wrong, so that it is fetched anew")
    .option(...option)
    .addHelpText("after", "\nExample:\n  $ kindling cache verify --remove")
    .action(verify);
}

const directory = ({ cacheDir }: Flags): string => cacheDir ?? readSettings().cacheDir;
const nameOf = ({ repo }: CachedRepo): string => (repo.type === "model" ? repo.id : `${repo.type}s/${repo.id}`);

async function list(flags: Flags & { readonly json?: boolean; readonly revisions?: boolean }): Promise<void> {
  const repos = await scanCache(directory(flags));
  if (flags.json === true) {
    console.log(JSON.stringify(repos, null, 2));
    return;
  }
  const rows = repos.map((one) => [
    nameOf(one),
    size(one.bytes),
    String(one.revisions.length),
    one.revisions.flatMap(({ refs }) => refs).join(" "),
    one.incompleteBytes === 0 ? "" : `${size(one.incompleteBytes)} unfinished`,
  ]);
  const byRevision = repos.flatMap((one) =>
    one.revisions.map(({ commit, refs, files, bytes }) => [
      nameOf(one),
      size(bytes),
      `${files} files`,
      commit.slice(0, 12),
      refs.join(" "),
    ]),
  );
  const total = repos.reduce((sum, { bytes }) => sum + bytes, 0);
  if (flags.revisions === true) console.log(table([["repository", "size", "", "commit", "refs"], ...byRevision]));
  else console.log(table([["repository", "size", "revisions", "refs", ""], ...rows]));
  console.log(`\n${repos.length} repositories, ${size(total)} in ${directory(flags)}`);
}

async function remove(names: readonly string[], flags: Flags & { readonly revision?: string }): Promise<void> {
  const repos = await named(names, flags);
  const { revision } = flags;
  if (revision === undefined) {
    for (const repo of repos) await removeRepo(repo);
    console.log(`Deleted ${repos.length} repositories, ${size(repos.reduce((sum, { bytes }) => sum + bytes, 0))}.`);
    return;
  }
  const [repo, ...others] = repos;
  if (repo === undefined || others.length > 0) {
    throw new ArgumentError("cache rm: --revision wants one repository.", { names });
  }
  const found = repo.revisions.find(({ commit, refs }) => commit.startsWith(revision) || refs.includes(revision));
  if (found === undefined) {
    const known = repo.revisions.map(({ commit, refs }) => [commit.slice(0, 12), ...refs].join(" ")).join(", ");
    throw new ArgumentError(
      `cache rm: "${names[0]}" has no revision "${revision}" here; there are ${known || "none"}.`,
    );
  }
  await removeRevision(repo, found.commit);
  console.log(`Deleted ${found.commit} of ${nameOf(repo)}.`);
}

async function verify(names: readonly string[], flags: Flags & { readonly remove?: boolean }): Promise<void> {
  const repos = names.length > 0 ? await named(names, flags) : await scanCache(directory(flags));
  let [files, bytes] = [0, 0];
  const count = (blob: number) => {
    files++;
    bytes += blob;
  };
  const wrong = await verifyCache(repos, { remove: flags.remove === true, onBlob: count });
  for (const { path, hash } of wrong) console.log(`${path}: its hash is ${hash}`);
  if (wrong.length > 0) {
    const advice = flags.remove === true ? "They were deleted." : "Delete them with --remove.";
    throw new KindlingError(`cache verify: ${wrong.length} of ${files} files are not what their names say. ${advice}`);
  }
  console.log(`${files} files, ${size(bytes)}: all are what their names say.`);
}

async function named(names: readonly string[], flags: Flags): Promise<CachedRepo[]> {
  const repos = await scanCache(directory(flags));
  return names.map((name) => {
    const found = repos.find((one) => nameOf(one) === name);
    if (found !== undefined) return found;
    throw new ArgumentError(`cache: "${name}" is not in ${directory(flags)}. \`kindling cache ls\` lists what is.`);
  });
}

function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 99.5 ? 1 : 0)} ${units[unit]}`;
}

/** Columns as wide as their longest entry; the second one, sizes, to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  const cell = (text: string, i: number) => (i === 1 ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0));
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}
