// Builds the package: TypeScript to dist/, and a dist/package.json that points `#runtime/*` at what was built. Node and
// bundlers read the package.json nearest to a file, so sources find sources and built files find built files. Node itself takes
// the bundle in dist/node/.

import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.ts";

export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** Compiles a tsconfig into `outDir`; throws with the compiler's words when it finds errors. */
export function compile(project: string, outDir: string): void {
  rmSync(outDir, { recursive: true, force: true });
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [tsc, "-p", join(root, project), "--outDir", outDir], { encoding: "utf8" });
  } catch (error) {
    throw new Error(`tsc -p ${project}:\n${(error as { stdout?: string }).stdout ?? error}`);
  }
  for (const name of globSync("**/*.js", { cwd: outDir })) {
    const file = join(outDir, name);
    const text = readFileSync(file, "utf8");
    const rewritten = text.replace(
      /new URL\("(\.[^"]+)\.ts", import\.meta\.url\)/g,
      'new URL("$1.js", import.meta.url)',
    );
    if (rewritten !== text) writeFileSync(file, rewritten);
  }
}

/** Root entry files and the subpaths in `exports` must name each other. */
function checkExports(): void {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of globSync("src/*.ts", { cwd: root })) {
    const entry = name.slice("src/".length, -".ts".length);
    const subpath = entry === "index" ? "." : `./${entry}`;
    if (!(subpath in exports)) throw new Error(`${name}: "${subpath}" is not in the exports of package.json`);
  }
  for (const [subpath, target] of Object.entries<string | { "kindling-source": string }>(exports)) {
    if (typeof target === "string") continue;
    if (!existsSync(join(root, target["kindling-source"]))) console.warn(`exports "${subpath}": no such file yet`);
  }
}

/** What bundlers must not leave out: the package's own list, as seen from dist/. */
function sideEffects(): string[] {
  const { sideEffects: files }: { sideEffects: string[] } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  return files.filter((file) => file.startsWith("./dist/")).map((file) => file.replace("./dist/", "./"));
}

async function build(): Promise<void> {
  checkExports();
  const dist = join(root, "dist");
  compile("tsconfig.build.json", dist);
  const scope = {
    type: "module",
    sideEffects: sideEffects(),
    imports: { "#runtime/*": { browser: "./*.web.js", default: "./*.node.js" } },
  };
  writeFileSync(join(dist, "package.json"), `${JSON.stringify(scope, null, 2)}\n`);
  const modules = globSync("**/*.js", { cwd: dist }).length;
  const bundled = await bundle(dist);
  console.log(`built dist/: ${modules} modules, and dist/node/: ${bundled} files of them`);
}

if (import.meta.main) {
  try {
    await build();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
