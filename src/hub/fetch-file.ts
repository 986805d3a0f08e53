// One file from a hub into a part, and the proof that it is the right one.

import type { FileMetadata } from "./api.ts";
import type { OpenPart } from "./cache.ts";
import { CorruptDownloadError } from "./errors.ts";
import { fileUrl, type RepoRef } from "./names.ts";
import { requestOptions, type Settled } from "./options.ts";
import type { ProgressCount } from "./progress.ts";
import { transfer } from "./transfer.ts";

export interface Wanted {
  readonly repo: RepoRef;
  readonly file: string;
  readonly metadata: FileMetadata;
  readonly settled: Settled;
  readonly progress: ProgressCount;
}

/**
 * Completes a part, verifies and publishes it. A part with a wrong hash is deleted; if it began in an earlier process, it is
 * fetched once more from the start, since that one may have lost what it had written.
 */
export async function fetchFile(open: () => Promise<OpenPart>, wanted: Wanted): Promise<void> {
  const part = await open();
  let kept = false;
  try {
    await complete(part, wanted);
    let wrong = await mismatch(part, wanted);
    if (wrong !== undefined && part.resumedBytes > 0) {
      await part.restart();
      await complete(part, wanted);
      wrong = await mismatch(part, wanted);
    }
    if (wrong !== undefined) {
      await part.discard();
      kept = true;
      throw wrong;
    }
    await part.publish();
    kept = true;
  } finally {
    if (!kept) await part.leave();
  }
}

async function complete(part: OpenPart, { repo, file, metadata, settled, progress }: Wanted): Promise<void> {
  const { commit, size } = metadata;
  const show = (bytes: number) => progress.move(file, bytes, size ?? bytes);
  show(part.size);
  const about = { repo: repo.id, revision: commit, file };
  await transfer(part, {
    url: fileUrl(settled.endpoint, repo, commit, file),
    size,
    request: { ...requestOptions(settled, about), timeoutMs: settled.downloadTimeoutMs },
    onBytes: show,
  });
}

async function mismatch(part: OpenPart, { repo, file, metadata }: Wanted): Promise<CorruptDownloadError | undefined> {
  const hash = await part.hash();
  if (hash === undefined || hash === metadata.etag) return undefined;
  return new CorruptDownloadError(
    `hub: "${file}" of "${repo.id}" came with the hash ${hash}, the hub announced ${metadata.etag}. ` +
      "It was deleted. Try again; if it stays so, a proxy or the mirror in HF_ENDPOINT changes files.",
    { repo: repo.id, file, hash, etag: metadata.etag, bytes: part.size },
  );
}
