// A thread of `map`: loads the user's module, then gives its function one block of rows after another. See `map-workers.ts`.

export interface MapRequest {
  readonly id: number;
  /** Rows by column, with the number of the first. */
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
  readonly from: number;
  readonly rows: number;
  readonly batched: boolean;
  readonly inputColumns: readonly string[] | undefined;
  readonly fnKwargs: unknown;
}
export type MapReply =
  | { readonly id: number; readonly results: unknown[] }
  | { readonly id: number; readonly error: string; readonly stack: string | undefined };

interface MapModule {
  map(...args: unknown[]): unknown;
}

let opened: Promise<MapModule> | undefined;

function applied(module: MapModule, { columns, from, rows, batched, inputColumns, fnKwargs }: MapRequest): unknown[] {
  const call = (input: Readonly<Record<string, unknown>>, index: unknown): unknown => {
    const inputs = inputColumns === undefined ? [input] : inputColumns.map((name) => input[name]);
    return fnKwargs === undefined ? module.map(...inputs, index) : module.map(...inputs, index, fnKwargs);
  };
  const places = Array.from({ length: rows }, (_, i) => i);
  if (batched)
    return [
      call(
        columns,
        places.map((i) => from + i),
      ),
    ]; // prettier-ignore
  return places.map((i) =>
    call(Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i]])), from + i),
  );
}

self.onmessage = async ({ data }: MessageEvent<MapRequest | { readonly module: string }>): Promise<void> => {
  if ("module" in data) {
    opened = import(data.module) as Promise<MapModule>; // as `map` asks of it
    opened.catch(() => {}); // said with the first block
    return;
  }
  const { id } = data;
  try {
    const results = await Promise.all(applied(await opened!, data));
    self.postMessage({ id, results } satisfies MapReply);
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    self.postMessage({ id, error: error.message, stack: error.stack } satisfies MapReply);
  }
};
