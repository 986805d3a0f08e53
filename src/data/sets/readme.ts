// The configurations that a data set's README.md lists in its head: which files make which split. Only this much of YAML is
// read:
//
//     configs:
//     - config_name: default
//       data_dir: data              (sometimes)
//       data_files: "*.csv"         (or a list of paths, or of splits)
//       - split: train
//         path: train-*.parquet     (or a list)

import { ArgumentError } from "../../base/errors.ts";

export interface RepoConfig {
  readonly name: string;
  readonly isDefault: boolean;
  readonly dataDir: string | undefined;
  /** Patterns by split; undefined where the files' own names tell. */
  readonly files: Readonly<Record<string, readonly string[]>> | undefined;
}

interface Open {
  name: string;
  isDefault: boolean;
  dataDir: string | undefined;
  files: Record<string, string[]> | undefined;
}

const bare = (text: string): string =>
  text
    .replace(/\s+#.*$/, "")
    .trim()
    .replace(/^(["'])(.*)\1$/, "$2"); // prettier-ignore

export function readConfigs(readme: string): RepoConfig[] {
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readme)?.[1] ?? "";
  const lines = head.split(/\r?\n/);
  const begin = lines.findIndex((line) => /^configs:\s*$/.test(line));
  if (begin < 0) return [];
  const configs: Open[] = [];
  let split = "train";
  for (const line of lines.slice(begin + 1)) {
    if (/^\S/.test(line) && !line.startsWith("-")) break;
    const item = line.replace(/^[\s-]+/, "");
    const [, key, rest = ""] = /^([\w-]+):\s*(.*)$/.exec(item) ?? [];
    const value = bare(rest);
    if (key === "config_name") {
      configs.push({ name: value, isDefault: false, dataDir: undefined, files: undefined });
      split = "train";
      continue;
    }
    const config = configs.at(-1);
    if (config === undefined || item === "") continue;
    const add = (path: string): void => {
      config.files ??= {};
      (config.files[split] ??= []).push(path);
    };
    if (key === "default") config.isDefault = value === "true";
    else if (key === "data_dir") config.dataDir = value;
    else if (key === "split") split = value;
    else if (key === "data_files" || key === "path") {
      if (value !== "")
        for (const path of value.replace(/^\[|\]$/g, "").split(value.startsWith("[") ? "," : "\n")) add(bare(path));
    } else if (key === undefined && line.trimStart().startsWith("-")) add(bare(item));
  }
  return configs;
}

/** The configuration of a name; without one the default, or the only one. */
export function configOf(readme: string, name: string | undefined, source: string): RepoConfig | undefined {
  const configs = readConfigs(readme);
  const names = configs.map((config) => config.name).join(", ");
  if (name !== undefined) {
    const found = configs.find((config) => config.name === name);
    if (found !== undefined) return found;
    throw new ArgumentError(
      `loadDataset: ${source} has no configuration "${name}". It has ${names === "" ? "none" : names}.`,
      {
        name,
      },
    );
  }
  if (configs.length <= 1) return configs[0];
  const chosen = configs.find(({ isDefault }) => isDefault) ?? configs.find((config) => config.name === "default");
  if (chosen !== undefined) return chosen;
  throw new ArgumentError(`loadDataset: ${source} has several configurations; choose one by name: ${names}.`, {});
}
