// Browsers have no folders: there, an adapter's tensors go in and out by `adapterState` and `loadAdapterState`.

import { UnsupportedError } from "../base/errors.ts";
import type { AdapterFolder } from "./adapter-folder.node.ts";

export async function readAdapterFolder(folder: string): Promise<AdapterFolder> {
  throw new UnsupportedError(`${folder}: there are no folders in a browser. Use PeftModel.loadAdapterState().`, {
    folder,
  });
}
export async function writeAdapterConfig(folder: string, _text: string): Promise<void> {
  throw new UnsupportedError(`${folder}: there are no folders in a browser. Use PeftModel.adapterState().`, { folder });
}
