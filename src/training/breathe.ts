// Training computes without pause; signals, timers and other work get their turn here.

const everyMs = 8;
let last = 0;

/** Lets the event loop turn, if it has not for a while. */
export async function breathe(): Promise<void> {
  if (performance.now() - last < everyMs) return;
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  last = performance.now();
}
