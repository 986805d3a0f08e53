// What stands for the contents of files: a hash of all bytes. A large file's hash is noted with its place, size and times, so
// that it is read once for as long as it is not touched.

import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nodeCrypto } from "../../base/crypto.node.ts";
import { makeFolder } from "../../base/make-folder.node.ts";
import { writeWhole } from "../../base/write-whole.node.ts";
import { blocksOf, unreadable } from "../jsonl.node.ts";

/** Smaller files are read as fast as a note is. */
const smallest = 2 ** 20;
/** A file that was written within this time of being looked at may be written again at the same time, by a coarse clock. */
const settledMs = 2000;

/** A hash of the contents of `paths` in their order. Notes are kept in `notes`, where that can be written. */
export async function contentsOf(paths: readonly string[], notes: string, now: number = Date.now()): Promise<string> {
  const { createHash } = nodeCrypto();
  const hash = createHash("sha256");
  for (const path of paths) {
    const file = await stat(path, { bigint: true }).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    const state = [file.dev, file.ino, file.size, file.mtimeNs, file.ctimeNs].join(" ");
    const isSettled = now - Math.max(Number(file.mtimeMs), Number(file.ctimeMs)) > settledMs;
    const note = join(notes, createHash("sha256").update(path).digest("hex").slice(0, 32));
    const isNoted = file.size >= smallest && isSettled;
    let own = isNoted ? await noted(note, state) : undefined;
    if (own === undefined) {
      const bytes = createHash("sha256");
      for await (const block of blocksOf(path)) bytes.update(block);
      own = bytes.digest();
      if (isNoted) await keep(note, `${state}\n${own.toString("hex")}\n`);
    }
    hash.update(own);
  }
  return hash.digest("hex").slice(0, 32);
}

async function noted(note: string, state: string): Promise<Buffer | undefined> {
  const text = await readFile(note, "utf8").catch(() => "");
  const [was, digest = ""] = text.split("\n");
  return was === state && /^[0-9a-f]{64}$/.test(digest) ? Buffer.from(digest, "hex") : undefined;
}

/** A note that cannot be written costs time alone. */
async function keep(note: string, text: string): Promise<void> {
  await makeFolder(dirname(note))
    .then(() => writeWhole(note, text))
    .catch(() => undefined);
}
