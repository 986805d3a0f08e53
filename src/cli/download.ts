// `kindling download`: a repository of a hub, or some of its files, into the cache or a folder.

import { type Command, Option } from "commander";
import { hubDownload, snapshotDownload } from "../hub/download.ts";
import type { RepoType } from "../hub/names.ts";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  readonly repoType: RepoType;
  readonly revision?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly localDir?: string;
  readonly cacheDir?: string;
  readonly token?: string;
  readonly maxWorkers: number;
  readonly forceDownload?: boolean;
  readonly quiet?: boolean;
}

export function addDownload(program: Command): void {
  program
    .command("download")
    .description("Fetch a model or a data set from the hub; what is here already is not fetched again.")
    .argument("<repo>", 'a name, as "organization/name"')
    .argument("[files...]", "only these files")
    .addOption(new Option("--repo-type <type>", "what it is").choices(["model", "dataset", "space"]).default("model"))
    .option("--revision <name>", "a branch, a tag or a commit (default: main)")
    .option("--include <patterns...>", 'only files that match one of these, as "*.safetensors"')
    .option("--exclude <patterns...>", "no file that matches one of these")
    .option("--local-dir <folder>", "put the files there, under their own names, instead of into the cache")
    .option("--cache-dir <folder>", "another cache than HF_HUB_CACHE")
    .option("--token <token>", "another token than HF_TOKEN, or than `hf auth login` saved")
    .option("--max-workers <n>", "files that are fetched at the same time", wholeNumber(1), 8)
    .option("--force-download", "fetch what is here, too")
    .option("--quiet", "show no progress")
    .addHelpText(
      "after",
      `
Prints the path of the folder, or of the file if one is named. A download that was stopped goes on where it was.

Examples:
  $ kindling download distilbert/distilbert-base-uncased --include "*.json" "*.safetensors" vocab.txt
  $ kindling download openai-community/gpt2 config.json
  $ kindling download org/texts --repo-type dataset --local-dir data/texts`,
    )
    .action(download);
}

async function download(repo: string, files: readonly string[], flags: Flags): Promise<void> {
  const { include, exclude, quiet, ...options } = flags;
  const common = { ...options, progress: quiet !== true };
  const [only] = files;
  if (only !== undefined && files.length === 1) {
    console.log(await hubDownload(repo, only, common));
    return;
  }
  const allow = files.length > 0 ? files.map(literally) : include;
  const patterns = {
    ...(allow !== undefined && { allowPatterns: allow }),
    ...(exclude !== undefined && { ignorePatterns: exclude }),
  };
  console.log(await snapshotDownload(repo, { ...common, ...patterns }));
}

/** A file's name as a pattern that matches nothing else. */
function literally(file: string): string {
  return file.replace(/[*?[]/g, "[$&]");
}
