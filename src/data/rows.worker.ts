// A thread of a loader: loads the user's module, then makes one batch after another. See `row-workers.ts`.

import type { RowModule } from "./row-workers.ts";

export type RowRequest =
  | { readonly open: Parameters<NonNullable<RowModule["open"]>>[0]; readonly module: string }
  | { readonly id: number; readonly indices: readonly number[] };
export type RowReply =
  | { readonly id: number; readonly batch: unknown }
  | { readonly id: number; readonly error: string; readonly stack: string | undefined };

let opened: Promise<RowModule> | undefined;

async function open(request: Extract<RowRequest, { module: string }>): Promise<RowModule> {
  const module = (await import(request.module)) as RowModule; // as `RowModule` asks of it
  await module.open?.(request.open);
  return module;
}

self.onmessage = async ({ data }: MessageEvent<RowRequest>): Promise<void> => {
  if ("module" in data) {
    opened = open(data);
    opened.catch(() => {}); // said with the first batch
    return;
  }
  const { id, indices } = data;
  try {
    const module = await opened!;
    const rows = await Promise.all(indices.map((index) => module.get(index)));
    self.postMessage({ id, batch: await module.collate(rows) } satisfies RowReply);
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    self.postMessage({ id, error: error.message, stack: error.stack } satisfies RowReply);
  }
};
