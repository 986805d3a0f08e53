// A string in a page is an address, relative to the page.

import { addressSource, type ByteSource } from "./source.ts";

export async function openFile(where: string | URL): Promise<ByteSource> {
  return addressSource(new URL(where, globalThis.location.href));
}
