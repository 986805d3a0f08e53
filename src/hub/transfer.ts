// The bytes of one file, fetched into what is already there of it: by Range after a cut, from the start where a server does
// not know ranges, again and again while something new comes.

import { ConnectionError, CorruptDownloadError } from "./errors.ts";
import { type Exchange, type RequestOptions, request, sleep } from "./http.ts";

/** The part of a file that is here. */
export interface Part {
  readonly size: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Throws away what is there. */
  restart(): Promise<void>;
}

export interface Transfer {
  readonly url: string;
  /** What the hub announced; undefined if it did not. */
  readonly size: number | undefined;
  readonly request: Omit<RequestOptions, "method" | "headers" | "body">;
  /** Called with the bytes that are here, after each piece. */
  readonly onBytes: (bytes: number) => void;
}

/** Completes the part. Gives up after `retries` bodies in a row that brought nothing new; requests have their own retries. */
export async function transfer(part: Part, { url, size, request: options, onBytes }: Transfer): Promise<void> {
  const { retries, retryDelayMs, signal, about } = options;
  if (size !== undefined && part.size > size) await part.restart();
  let furthest = part.size;
  for (let failures = 0; ; ) {
    if (size !== undefined && part.size === size && size > 0) return;
    const exchange = await ask(part, url, options);
    const end = exchange === undefined ? "short" : await drain(exchange, part, size, onBytes);
    if (end === "complete") return;
    failures = part.size > furthest ? 0 : failures + 1;
    furthest = Math.max(furthest, part.size);
    if (failures > retries) throw end === "short" ? incomplete(url, part.size, size, about) : end;
    if (failures > 0) await sleep(retryDelayMs * 2 ** (failures - 1), signal);
  }
}

/** An answer that goes on where the part ends; undefined if the server has nothing there, and the part begins anew. */
async function ask(part: Part, url: string, options: Transfer["request"]): Promise<Exchange | undefined> {
  const headers = { ...(part.size > 0 && { Range: `bytes=${part.size}-` }) };
  const exchange = await request(url, { ...options, headers });
  const { status, headers: answered } = exchange.response;
  const first = /^bytes (\d+)-/.exec(answered.get("content-range") ?? "")?.[1];
  if (status === 206 && Number(first) === part.size) return exchange;
  const fromStart = status === 200;
  if (part.size > 0) await part.restart(); // the server does not know ranges, or its file is another one by now
  if (fromStart) return exchange;
  exchange.cancel();
  return undefined;
}

/** Reads to the end: that of the file, one before it, or a lost connection's error. */
async function drain(
  exchange: Exchange,
  part: Part,
  size: number | undefined,
  onBytes: (bytes: number) => void,
): Promise<"complete" | "short" | ConnectionError> {
  try {
    for (let piece = await exchange.read(); piece !== undefined; piece = await exchange.read()) {
      if (size !== undefined && part.size + piece.length > size) {
        await part.restart();
        const url = exchange.response.url;
        throw new CorruptDownloadError(
          `hub: ${url} sends more than the ${size} bytes that were announced. Try again, or another HF_ENDPOINT.`,
          { url, size },
        );
      }
      await part.append(piece);
      onBytes(part.size);
    }
    return size === undefined || part.size === size ? "complete" : "short";
  } catch (error) {
    if (error instanceof ConnectionError) return error;
    throw error;
  } finally {
    exchange.cancel();
  }
}

function incomplete(url: string, bytes: number, size: number | undefined, about: object): CorruptDownloadError {
  return new CorruptDownloadError(
    `hub: ${url} ends after ${bytes} of ${size} bytes, each time. Try again later; what came is kept.`,
    { url, bytes, size, ...about },
  );
}
