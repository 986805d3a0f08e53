// A path: a file on disk, read where it lies.

import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CheckpointError } from "../base/errors.ts";
import { reporting } from "./files.node.ts";
import type { ByteSource } from "./source.ts";

export async function openFile(where: string | URL): Promise<ByteSource> {
  const path = typeof where === "string" ? where : fileURLToPath(where);
  const file = await reporting("read", path, () => open(path, "r"));
  const { size } = await reporting("read", path, () => file.stat()).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  return {
    name: path,
    size,
    read: async (into, from) => {
      for (let at = 0; at < into.length; ) {
        const length = Math.min(into.length - at, 2 ** 28); // one read takes no 2 GiB
        const { bytesRead } = await reporting("read", path, () => file.read(into, at, length, from + at));
        if (bytesRead === 0) {
          const what =
            from + into.length > size
              ? `the file ends after ${from + at} bytes, wanted ${into.length} from byte ${from}. The download or the save was cut off.`
              : `the file ended at byte ${from + at} while it was read. Is another program writing it?`;
          throw new CheckpointError(`read ${path}: ${what}`, { file: path, at: from + at });
        }
        at += bytesRead;
      }
    },
    close: () => file.close(),
  };
}
