// What the peers need: a Python with PyTorch, transformers and onnxruntime. It is made with pip in `.venv/` if there is none.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

const packages = ["torch==2.13.0", "transformers>=5,<6", "onnxruntime==1.30.0", "onnx", "numpy"];
/** PyTorch without CUDA, where pip may go there. */
const cpuWheels = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"];
const asksVersions = `
import json, platform, numpy, onnx, onnxruntime, torch, transformers
print(json.dumps({"Python": platform.python_version(), "PyTorch": torch.__version__, "transformers": transformers.__version__, "onnxruntime": onnxruntime.__version__}))
`;

export interface Python {
  readonly path: string;
  readonly versions: { readonly [name: string]: string };
}

/** The Python that is asked for, or the one of `.venv/`, which is made if it is not there. Throws, saying what to do. */
export function findPython(asked: string | undefined): Python {
  const path = asked ?? `${root}.venv/bin/python`;
  if (asked === undefined && !existsSync(path)) makeEnvironment();
  const { status, stdout, stderr, error } = spawnSync(path, ["-c", asksVersions], { encoding: "utf8" });
  if (status !== 0) {
    const last = error?.message ?? stderr.trim().split("\n").at(-1) ?? "";
    throw new Error(`${path} cannot run the peers (${last}).\nIt needs: ${packages.join(" ")}`);
  }
  return { path, versions: JSON.parse(stdout.trim().split("\n").at(-1)!) }; // what asksVersions prints
}

function makeEnvironment(): void {
  const inRoot = { cwd: root, stdio: ["ignore", "inherit", "inherit"] as ["ignore", "inherit", "inherit"] };
  console.error("making .venv/ with pip; this loads some hundred megabytes");
  const made = spawnSync("python3", ["-m", "venv", ".venv"], inRoot);
  const pip = ["-m", "pip", "install", "--quiet", ...packages];
  const install = (more: readonly string[]): boolean =>
    spawnSync(".venv/bin/python", [...pip, ...more], inRoot).status === 0;
  if (made.status === 0 && (install(cpuWheels) || install([]))) return;
  throw new Error(
    "The peers could not be installed into .venv/ (no network, or no python3 with venv?).\n" +
      `Give a Python that has ${packages.join(" ")}:\n  npm run bench -- peers --python PATH`,
  );
}

export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model.trim()}, ${cpus().length} processors, ${memory} GiB, ${process.platform} ${process.arch}`;
}

/** The commit of the checkout, with a + if something in it was changed since. */
export function commit(): string {
  const git = (...args: string[]): string => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim();
  return (
    git("rev-parse", "--short", "HEAD") +
    (git("status", "--porcelain", "--untracked-files=no", "src") === "" ? "" : "+")
  );
}
