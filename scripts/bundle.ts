// Joins the built modules into a few files for Node, which would otherwise open and link hundreds of them at every start.
// Browsers' bundlers get the modules as they are. Files that are loaded by address (`new URL("./worker.js", import.meta.url)`)
// become entries of their own, and their addresses are written anew.
//
//   dist/node/   index.js, nn.js, … : only names, from all.js | all.js, main.js, shared-*.js : the code | cli.js : starts main.js | workers

import { appendFileSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

const late = /\bimport\("(\.{1,2}\/[^"]+\.js)"\)/g;
/** What brings other packages along, and which few programs need. */
const heavy = /\/(?:csv|parquet|parquet-sink|chat-jinja)\.js$/;

/**
 * What the sources import late for the sake of browsers' bundles is in the bundle anyway. As an import of its own it would only
 * cut everything that it shares with others into files of its own.
 */
function importAtOnce(text: string): string {
  const files: string[] = [];
  const replaced = text.replace(late, (whole, to: string) => {
    if (heavy.test(to)) return whole;
    return `Promise.resolve(late${files.push(to) - 1})`;
  });
  if (files.length === 0) return text;
  return [...files.map((to, index) => `import * as late${index} from "${to}";`), replaced].join("\n");
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
        return { contents: importAtOnce(contents), loader: "js" };
      });
    },
  };
}

/** The command keeps what V8 compiled for its next start, as a package may not: the switch is the whole process's. */
const command = `#!/usr/bin/env node
import module from "node:module";
module.enableCompileCache?.();
await import("./main.js");
`;

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
  // The command says that it wants everything, else what it does not use would be cut from what it uses, into twice the files.
  const cli = join(dist, "cli-all.js");
  writeFileSync(cli, 'import "./cli/main.js";\nexport * from "./all.js";\n');
  const loaded = addressed(dist)
    .map((file) => [entryName(dist, file), file] as const)
    .filter(([name]) => !names.has(name)); // a subpath has a file in any case
  const { metafile } = await build({
    entryPoints: Object.fromEntries([["all", all], ["main", cli], ...loaded]),
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
    metafile: true,
    logLevel: "warning",
    plugins: [readdress(dist)],
  });
  rmSync(all);
  rmSync(cli);
  writeFileSync(join(dist, "node", "cli.js"), command, { mode: 0o755 });
  await giveClassesTheirNames(Object.keys(metafile.outputs), join(dist, "node", "all.js"));
  for (const [subpath, exported] of names) {
    const list = exported.map((name) => `${subpath}$${name} as ${name}`).join(", ");
    writeFileSync(join(dist, "node", `${subpath}.js`), `export { ${list} } from "./all.js";\n`);
  }
  writeFileSync(join(dist, "node", "third-party-licenses.txt"), licenses(Object.keys(metafile.inputs)));
  return Object.keys(metafile.outputs).length + names.size;
}

/**
 * Errors and modules are printed by their classes' names, and configurations are written with them. The bundler could keep the
 * names of all functions, at a cost at every start and every call; so it is let to name classes as it likes, and they are named
 * again here. It calls a class that speaks of itself `X = class _X`, and one with a name that another file uses `X2`.
 */
async function giveClassesTheirNames(files: readonly string[], all: string): Promise<void> {
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    const names = [...text.matchAll(/\b([A-Za-z]\w*)=class _\1\b/g)].map(([, name]) => name!); // the pattern has one group
    if (names.length === 0) continue;
    writeFileSync(file, text.replace(new RegExp(`\\b_(${names.join("|")})\\b`, "g"), "$1"));
  }
  const exported: object = await import(pathToFileURL(all).href);
  const isClass = (value: unknown): value is { name: string } =>
    typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
  for (const [key, value] of Object.entries(exported)) {
    const name = key.slice(key.indexOf("$") + 1);
    if (!isClass(value) || value.name === name) continue;
    const declared = new RegExp(`class ${value.name}\\b|\\b${value.name}=class\\b`);
    const file = files.find((file) => declared.test(readFileSync(file, "utf8")));
    if (file === undefined) throw new Error(`the bundle renamed class ${name} to ${value.name}`);
    appendFileSync(file, `Object.defineProperty(${value.name},"name",{value:"${name}",configurable:true});\n`);
    Object.defineProperty(value, "name", { value: name }); // other subpaths export it too
  }
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
