// A loopback server over folders. `isolated` adds the headers that let a page share memory between threads.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";

const types: { readonly [extension: string]: string } = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

export interface Site {
  readonly origin: string;
  close(): void;
}

/** Serves `pages` (path to HTML), then the first of `folders` that has the file. */
export async function serve(
  pages: ReadonlyMap<string, string>,
  folders: readonly string[],
  { isolated = true }: { isolated?: boolean } = {},
): Promise<Site> {
  const find = async (path: string): Promise<string | Buffer | undefined> => {
    const page = pages.get(path);
    if (page !== undefined) return page;
    for (const folder of folders) {
      const file = normalize(join(folder, path));
      if (!file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) continue;
      const content = await readFile(file).catch(() => undefined);
      if (content) return content;
    }
    return undefined;
  };
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const content = await find(path);
    response.writeHead(content === undefined ? 404 : 200, {
      "Content-Type": types[extname(path) || ".html"] ?? "application/octet-stream",
      ...(isolated && {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
      }),
      "Cache-Control": "no-store",
    });
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://127.0.0.1:${port}`, close };
}
