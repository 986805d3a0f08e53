// Zip files that are torn, senseless or made to deceive: refused before anything of them is unpacked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CheckpointError } from "../base/errors.ts";
import { crc32 } from "./crc32.ts";
import { joinChunks } from "./safetensors.ts";
import { bytesSource } from "./source.ts";
import { deflate, inflate, openEntry, openZip, readEntry } from "./zip.ts";
import { writeZip } from "./zip-writer.ts";

const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);
const entry = (name: string, content: string) => ({ name, size: content.length, bytes: () => [text(content)] });
const zip = (): Uint8Array => joinChunks(writeZip([entry("a", "first"), entry("b", "second"), entry("c", "")]));
const directoryAt = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint32(bytes.length - 6, true);

async function contents(bytes: Uint8Array): Promise<Record<string, string>> {
  const opened = await openZip(bytesSource(bytes, "x.zip"));
  const found: Record<string, string> = {};
  for (const [name, one] of opened.entries) found[name] = new TextDecoder().decode(await readEntry(opened, one));
  return found;
}

/** A zip file with fields of its directory's records changed: entry, offset in the record, width, value. */
function changed(
  ...changes: readonly (readonly [entry: number, field: number, width: 2 | 4, value: number])[]
): Uint8Array {
  const bytes = zip();
  const view = new DataView(bytes.buffer);
  for (const [index, field, width, value] of changes) {
    const at = directoryAt(bytes) + 47 * index + field; // names of one letter, no extra fields
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
  }
  return bytes;
}

test("entries, a comment behind the directory, and bytes that look like one", async () => {
  assert.deepEqual(await contents(zip()), { a: "first", b: "second", c: "" });
  const comment = text("PK\u0005\u0006 and more words");
  const commented = Uint8Array.from([...zip(), ...comment]);
  new DataView(commented.buffer).setUint16(commented.length - comment.length - 2, comment.length, true);
  assert.deepEqual(await contents(commented), { a: "first", b: "second", c: "" });
  assert.deepEqual(await contents(joinChunks(writeZip([]))), {});
});

test("what is refused", async () => {
  const cases: [Uint8Array, RegExp][] = [
    [zip().subarray(0, -1), /no directory at its end.+cut off/],
    [zip().subarray(1), /directory|not where it should be/],
    [changed([0, 0, 4, 7]), /damaged directory, at entry 1 of 3/],
    [changed([1, 42, 4, 0]), /belong to what follows/],
    [changed([0, 20, 4, 1000], [0, 24, 4, 1000]), /"a" takes bytes that belong to what follows/],
    [changed([2, 20, 4, 2 ** 31]), /"c" takes bytes/],
    [changed([0, 24, 4, 6]), /stored, but in 5 bytes instead of 6/],
    [changed([0, 8, 2, 1]), /"a" is encrypted/],
    [changed([0, 10, 2, 12]), /packed by method 12/],
    [changed([0, 10, 2, 8]), /cannot be unpacked/],
    [changed([0, 10, 2, 8], [0, 24, 4, 2 ** 31]), /claims to unpack 5 bytes to 2147483648/],
    [changed([0, 24, 4, 0xffffffff]), /without the sizes of "a"/],
    [changed([0, 16, 4, 1]), /"a" does not have the checksum/],
    [changed([2, 28, 2, 60000]), /cut off in entry 3/],
    [joinChunks(writeZip([entry("a", "1"), entry("a", "2")])), /holds "a" twice/],
  ];
  for (const [bytes, message] of cases) {
    await assert.rejects(
      contents(bytes),
      (error) => error instanceof CheckpointError && message.test(error.message),
      String(message),
    );
  }
  const count = zip();
  new DataView(count.buffer).setUint16(count.length - 12, 999, true);
  await assert.rejects(contents(count), /directory of 999 entries that does not fit/);
});

test("deflated: to the size that is said, and not a byte more", async () => {
  const bytes = new Uint8Array(100_000).map((_, i) => i >> 8);
  const packed = await deflate(bytes);
  assert.ok(packed.length < 2000);
  assert.deepEqual(await inflate(packed, bytes.length), bytes);
  await assert.rejects(inflate(packed, 99_999), /more than 99999/);
  await assert.rejects(inflate(packed, 100_001), /100000 of 100001/);
  await assert.rejects(inflate(packed.slice(0, 50), bytes.length));
  await assert.rejects(inflate(new Uint8Array([7, 7, 7]), 3));
  assert.deepEqual(await inflate(await deflate(new Uint8Array(0)), 0), new Uint8Array(0));
  const file = joinChunks(
    writeZip([
      { name: "z", size: bytes.length, bytes: () => [packed], packed: { size: packed.length, crc: crc32(bytes) } },
    ]),
  );
  const opened = await openZip(bytesSource(file));
  const source = await openEntry(opened, opened.entries.get("z")!);
  assert.equal(source.size, bytes.length);
});
