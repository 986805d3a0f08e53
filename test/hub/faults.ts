// How a hub goes wrong, and how its answers are sent, right or wrong.

import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "./answers.ts";

export type Fault =
  /** Another answer: 429 with `retryAfter` seconds, 500, 503. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfter?: number }
  /** The connection ends after so many bytes of the body. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** The sizes in the headers are larger by this, and so the body never ends as it should. */
  | { readonly kind: "wrongSize"; readonly more: number }
  /** One byte in the middle is another one. */
  | { readonly kind: "wrongBytes" }
  | { readonly kind: "slow"; readonly chunkBytes: number; readonly pauseMs: number }
  /** Headers and half of the body come, then nothing more. */
  | { readonly kind: "stall" }
  /** `Range` is not understood: everything is sent. */
  | { readonly kind: "ignoreRange" };

export async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  fault: Fault | undefined,
): Promise<void> {
  if (fault?.kind === "status") {
    if (fault.retryAfter !== undefined) response.setHeader("Retry-After", String(fault.retryAfter));
    response.writeHead(fault.status).end();
    return;
  }
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  const more = fault?.kind === "wrongSize" ? fault.more : 0;
  const linked = answer.headers["X-Linked-Size"];
  if (linked !== undefined) response.setHeader("X-Linked-Size", String(Number(linked) + more));
  if (request.method === "HEAD" || answer.status !== 200) {
    response.setHeader("Content-Length", String(Math.max(0, (answer.status === 200 ? answer.body.length : 0) + more)));
    if (answer.status >= 400) response.removeHeader("Content-Length");
    response.writeHead(answer.status).end(request.method === "HEAD" ? undefined : answer.body);
    return;
  }
  const part = fault?.kind === "ignoreRange" ? undefined : rangeOf(request.headers.range, answer.body.length);
  if (part === "outside") {
    response.writeHead(416, { "Content-Range": `bytes */${answer.body.length}` }).end();
    return;
  }
  const { from, to } = part ?? { from: 0, to: answer.body.length };
  if (part !== undefined) response.setHeader("Content-Range", `bytes ${from}-${to - 1}/${answer.body.length + more}`);
  response.setHeader("Accept-Ranges", "bytes");
  response.setHeader("Content-Length", String(to - from + more));
  response.writeHead(part === undefined ? 200 : 206);
  await sendBody(response, answer.body.subarray(from, to), fault);
}

function rangeOf(header: string | undefined, size: number): { from: number; to: number } | "outside" | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined) return undefined;
  const from = Number(first);
  const to = last === "" ? size : Math.min(size, Number(last) + 1);
  return from >= size || from >= to ? "outside" : { from, to };
}

async function sendBody(response: ServerResponse, body: Uint8Array, fault: Fault | undefined): Promise<void> {
  switch (fault?.kind) {
    case "cut":
      response.write(body.subarray(0, fault.afterBytes));
      await sleep(5); // lets what was written go out
      response.destroy();
      return;
    case "wrongSize":
      response.write(body);
      await sleep(5);
      response.destroy();
      return;
    case "wrongBytes": {
      const copy = Uint8Array.from(body);
      const middle = copy.length >> 1;
      copy[middle] = (copy[middle] ?? 0) ^ 255;
      response.end(copy);
      return;
    }
    case "slow":
      for (let at = 0; at < body.length && !response.destroyed; at += fault.chunkBytes) {
        response.write(body.subarray(at, at + fault.chunkBytes));
        await sleep(fault.pauseMs);
      }
      response.end();
      return;
    case "stall":
      response.write(body.subarray(0, body.length >> 1));
      return;
    case "status":
    case "ignoreRange":
    case undefined:
      response.end(body);
      return;
    default:
      fault satisfies never;
  }
}
