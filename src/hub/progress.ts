// One account of a call's downloads, for one bar or for the caller.

import { openBar } from "#runtime/hub/progress-bar";
import type { DownloadOptions, DownloadProgress } from "./options.ts";

export interface Bar {
  update(progress: DownloadProgress): void;
  stop(): void;
}

/** Counts the bytes and files of one call. */
export class ProgressCount {
  readonly #show: ((progress: DownloadProgress) => void) | undefined;
  readonly #stop: () => void;
  readonly #bytes: Map<string, { bytes: number; total: number }> = new Map();
  readonly #totalFiles: number;
  #files = 0;

  constructor(wanted: DownloadOptions["progress"], quiet: boolean, totalFiles: number) {
    this.#totalFiles = totalFiles;
    if (typeof wanted === "function") {
      this.#show = wanted;
      this.#stop = () => {};
    } else {
      const bar = wanted === false || (quiet && wanted !== true) ? undefined : openBar();
      this.#show = bar && ((progress) => bar.update(progress));
      this.#stop = () => bar?.stop();
    }
  }

  /** A file has `bytes` of `total` now. */
  move(file: string, bytes: number, total: number): void {
    this.#bytes.set(file, { bytes, total });
    this.#tell(file);
  }

  /** A file is here. */
  finish(file: string): void {
    this.#files++;
    this.#tell(file);
  }

  stop(): void {
    this.#stop();
  }

  #tell(file: string): void {
    if (this.#show === undefined) return;
    let [bytes, totalBytes] = [0, 0];
    for (const one of this.#bytes.values()) {
      bytes += one.bytes;
      totalBytes += one.total;
    }
    this.#show({ file, bytes, totalBytes, files: this.#files, totalFiles: this.#totalFiles });
  }
}
