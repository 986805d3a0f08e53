// The bar on a terminal, on stderr; nothing where there is no terminal, so that logs stay readable.

import { Presets, SingleBar } from "cli-progress";
import type { DownloadProgress } from "./options.ts";
import type { Bar } from "./progress.ts";

export function openBar(): Bar | undefined {
  if (!process.stderr.isTTY) return undefined;
  const format = "{files} files |{bar}| {done} of {all} | {rate}/s | {file}";
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true }, Presets.rect);
  let first: { readonly atMs: number; readonly bytes: number } | undefined;
  return {
    update: (progress) => {
      if (first === undefined) bar.start(progress.totalBytes, 0, words(progress, 0));
      first ??= { atMs: performance.now(), bytes: progress.bytes };
      const seconds = (performance.now() - first.atMs) / 1000;
      const rate = seconds > 0 ? (progress.bytes - first.bytes) / seconds : 0;
      bar.setTotal(progress.totalBytes);
      bar.update(progress.bytes, words(progress, Math.max(0, rate)));
    },
    stop: () => bar.stop(),
  };
}

function words({ bytes, totalBytes, files, totalFiles, file }: DownloadProgress, rate: number): object {
  const shown = file.length > 40 ? `…${file.slice(-39)}` : file;
  return {
    files: `${files}/${totalFiles}`,
    done: megabytes(bytes),
    all: megabytes(totalBytes),
    rate: megabytes(rate),
    file: shown.replace(/\p{C}/gu, "?"),
  };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
