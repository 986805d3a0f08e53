// TensorBoard reads files, and browsers write none.

import { UnsupportedError } from "../base/errors.ts";
import type { TrainerCallback } from "./callbacks.ts";

export class TensorBoardCallback implements TrainerCallback {
  constructor(_folder?: string) {
    throw new UnsupportedError("TensorBoardCallback: browsers write no files. Use a callback with onLog.", {});
  }
}
