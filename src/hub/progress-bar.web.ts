// A page shows progress by itself: pass a function as `progress`.

import type { Bar } from "./progress.ts";

export function openBar(): Bar | undefined {
  return undefined;
}
