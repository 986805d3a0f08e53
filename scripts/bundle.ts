// Joins the built modules into a few files for Node, which would otherwise open and link hundreds of them at every start.
// Browsers' bundlers get the modules as they are. Files that are loaded by address (`new URL("./worker.js", import.meta.url)`)
// become entries of their own, and their addresses are written anew.
//
//   dist/node/   index.js, nn.js, … : only names, from all.js | all.js, shared-*.js : the code | cli.js | workers

import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const address = /new URL\("(\.{1,2}\/[^"]+\.js)", import\.meta\.url\)/g;

/** The name of a file that is loaded by address: its path with dashes, since all entries lie in one folder. */
function entryName(dist: string, file: string): string {
  return relative(dist, file).slice(0, -".js".length).replaceAll("/", "-");
}

/** The files that others load by address. */
function addressed(dist: string): string[] {
  const found = new Set<string>();
  for (const name of globSync("**/*.js", { cwd: dist })) {
    for (const [, to] of readFileSync(join(dist, name), "utf8").matchAll(address)) {
      found.add(join(dist, dirname(name), to!)); // the pattern has one group
    }
  }
  return [...found].sort();
}

function readdress(dist: string): Plugin {
  return {
    name: "addresses",
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (path.includes("node_modules")) return undefined;
        const contents = readFileSync(path, "utf8").replace(address, (_, to: string) => {
          return `new URL("./${entryName(dist, join(dirname(path), to))}.js", import.meta.url)`;
        });
        return { contents, loader: "js" };
      });
    },
  };
}

/** What each subpath exports. */
async function namesOf(dist: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const subpaths = globSync("*.js", { cwd: dist }).map((file) => basename(file, ".js"));
  const modules = subpaths.map(async (subpath) => {
    const module: object = await import(pathToFileURL(join(dist, `${subpath}.js`)).href);
    return [subpath, Object.keys(module)] as const;
  });
  return new Map(await Promise.all(modules));
}

/** Bundles what lies in `dist` to `dist/node`; says how many files that makes. */
export async function bundle(dist: string): Promise<number> {
  const names = await namesOf(dist);
  const everything = [...names].map(([subpath, all]) => {
    return `export { ${all.map((name) => `${name} as ${subpath}$${name}`).join(", ")} } from "./${subpath}.js";`;
  });
  const all = join(dist, "all.js");
  writeFileSync(all, everything.join("\n"));
  const loaded = addressed(dist)
    .map((file) => [entryName(dist, file), file] as const)
    .filter(([name]) => !names.has(name)); // a subpath has a file in any case
  const { metafile } = await build({
    entryPoints: Object.fromEntries([["all", all], ["cli", join(dist, "cli/main.js")], ...loaded]),
    outdir: join(dist, "node"),
    chunkNames: "shared-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // The command alone wants the first two, uploads alone the third; what else is used comes along.
    external: ["commander", "cli-progress", "@huggingface/hub"],
    minifyWhitespace: true, // half of the text is comments, which would be read at every start
    keepNames: true, // errors and modules are printed by their classes' names
    metafile: true,
    logLevel: "warning",
    plugins: [readdress(dist)],
  });
  rmSync(all);
  for (const [subpath, exported] of names) {
    const list = exported.map((name) => `${subpath}$${name} as ${name}`).join(", ");
    writeFileSync(join(dist, "node", `${subpath}.js`), `export { ${list} } from "./all.js";\n`);
  }
  writeFileSync(join(dist, "node", "third-party-licenses.txt"), licenses(Object.keys(metafile.inputs)));
  return Object.keys(metafile.outputs).length + names.size;
}

/** The licences of the packages whose files are in the bundle. */
function licenses(inputs: readonly string[]): string {
  const folders = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const file = ["LICENSE", "LICENSE.md", "license"].map((name) => resolve(folder, name)).find(existsSync);
    if (file === undefined) throw new Error(`${folder} has no licence file: it cannot come along`);
    return `${folder.split("node_modules/").at(-1)}\n\n${readFileSync(file, "utf8").trim()}\n`;
  });
  return texts.join("\n----\n\n");
}
