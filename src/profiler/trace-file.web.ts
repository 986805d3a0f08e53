// Browsers have no files to write to.

import { UnsupportedError } from "../base/errors.ts";

export async function saveTrace(path: string, _json: string): Promise<void> {
  throw new UnsupportedError(
    `writeTrace ${path}: there are no files in a browser. Offer JSON.stringify({ traceEvents: result.traceEvents() }) as a download.`,
    { path },
  );
}
