// A worker for platform.portable.ts: writes into the shared memory that it is sent, then says so.

self.onmessage = ({ data }: MessageEvent<SharedArrayBuffer>) => {
  Atomics.store(new Int32Array(data), 0, 42);
  self.postMessage({ wrote: Atomics.load(new Int32Array(data), 0), isWorker: typeof document === "undefined" });
};
