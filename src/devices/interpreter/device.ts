import { UnsupportedError } from "../../base/errors.ts";
import type { Device } from "../../ir/device.ts";
export function createInterpreterDevice(): Device {
  throw new UnsupportedError("the interpreter device is being written", {});
}
