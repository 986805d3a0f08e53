// The lock file must install everywhere: every platform's package is in it, so that `npm ci` accepts it, and no host.
// npm leaves out a platform that the registry does not have at that version; pin an older version then.

import { readFileSync } from "node:fs";

interface Package {
  readonly resolved?: string;
  readonly optionalDependencies?: { readonly [name: string]: string };
}

const { packages }: { packages: { readonly [path: string]: Package } } = JSON.parse(
  readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"),
);
const problems: string[] = [];
for (const [path, { resolved, optionalDependencies = {} }] of Object.entries(packages)) {
  if (resolved?.includes("://")) problems.push(`${path}: names a host; see .npmrc`);
  for (const name of Object.keys(optionalDependencies)) {
    if (`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages) continue;
    problems.push(`${path}: ${name} is not in the lock file; pin a version that the registry has for every platform`);
  }
}
for (const problem of problems) console.log(`package-lock.json: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
