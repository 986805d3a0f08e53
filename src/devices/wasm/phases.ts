// How threads do the phases of a job together. A job is a table of phases; a phase is a kernel over tasks, cut into one
// range for each thread. A thread takes chunks of its own range, so that it meets the same data phase after phase, and
// then of the others'. A phase ends when all its tasks are done, whoever did them: a thread that comes late or was put
// to sleep by the system costs its help, never a wait.
//
//   memory   | control words | args of lone runs | four small tables | tensors, larger tables, code …
//   table    | phase | phase | … | args of each phase
//   phase    | what to run | tasks done | next task of range 0 | next of range 1 | …     a cache line each
//
// Workers load this file by its address, so it imports no values. Indexes count the 32-bit words of the memory.

/** The entry of a kernel's module: tasks begin … end-1, the arguments at `args`. */
export type Run = (args: number, begin: number, end: number, thread: number) => void;

/** Bytes at the start of the memory that no tensor gets. */
export const controlBytes = 65536;
/** The arguments of a kernel that the calling thread runs alone. */
export const ownArgs = 16384;
export const maxArgs = 1024;
/** Tables for jobs that fit; larger ones lie among the tensors. */
export const smallTables = 24576;
export const smallTableBytes = 8192;
/** A table is written again only when this many jobs have passed and no worker still looks at it. */
export const tableCount = 4;
export const maxThreads = 64;

/** Words that different threads write stand two cache lines apart, for processors that fetch lines in pairs. */
const apart = 32;
export const sequenceWord: number = 1 * apart; // number of the last job; workers sleep on it
const parkedWord = 2 * apart; // workers asleep because there is no job
const sleepingWord = 3 * apart; // threads asleep because a phase is not done
export const failedWord: number = 4 * apart; // 1: the job is called off
export const jobWords: number = 5 * apart; // for each table: its first word, its phases, the pages of the memory
export const jobStride = 4;
const messageWords = 6 * apart; // what failed: the length, then UTF-16
const messageLength = 400;
const workerWords = 32 * apart; // for each thread: the job it is in (or 0), and whether it runs a kernel

export const kernelAt = 0;
export const codeAt = 1;
export const codeBytesAt = 2;
export const argsAt = 3;
export const tasksAt = 4;
export const grainAt = 5;
/** Length of a thread's range; 0 in a phase that the calling thread does alone. */
export const rangeAt = 6;
export const doneAt = 16;
export const nextAt = 32;
export const nextStride = 16;

export function phaseWords(threads: number): number {
  return nextAt + nextStride * threads;
}

/** How long a thread turns in a loop before it lets the system put it to sleep. */
const spinMs = 0.1;
const spinsPerLook = 32;
/** Sleeps for the end of a phase are cut so that silence is noticed. */
const napMs = 50;

// Not yet in lib.es; tells the processor that this is a waiting loop.
const pause: () => void = (Atomics as { pause?: () => void }).pause ?? ((): void => {});

/** One thread as it sees the job. */
export interface Member {
  readonly thread: number;
  readonly threads: number;
  words: Int32Array;
  /** The kernel of a phase, compiled if need be. */
  runOf(kernel: number, code: number, bytes: number): Run;
  /** Whether this thread may sleep; a browser's main thread may not. */
  readonly sleeps: boolean;
  /** Called now and then while the phase at this word does not end. */
  onWait(phase: number, done: number): void;
}

/** Does this thread's part of a job. Returns when all is done, or when it was called off. */
export function takePart(me: Member, table: number, phases: number): void {
  const { words, thread, threads } = me;
  const stride = phaseWords(threads);
  for (let p = 0, at = table; p < phases; p++, at += stride) {
    if (thread === 0 || words[at + rangeAt] !== 0) doTasks(me, at);
    // Nothing follows for a worker in the last phase: only the calling thread waits for its end.
    if ((thread === 0 || p < phases - 1) && !isDone(me, at)) return;
  }
}

function doTasks(me: Member, at: number): void {
  const { words, thread, threads } = me;
  const tasks = words[at + tasksAt]!;
  if (words[at + doneAt] === tasks) return; // late: nothing is left
  const args = words[at + argsAt]!;
  const run = me.runOf(words[at + kernelAt]!, words[at + codeAt]!, words[at + codeBytesAt]!);
  const range = words[at + rangeAt]!;
  if (range === 0) {
    run(args, 0, tasks, thread);
    finish(words, at, tasks, tasks);
    return;
  }
  const grain = words[at + grainAt]!;
  const state = stateWord(thread);
  words[state] = 1;
  let did = 0;
  for (let turn = 0; turn < threads; turn++) {
    const owner = thread + turn < threads ? thread + turn : thread + turn - threads;
    const next = at + nextAt + nextStride * owner;
    const to = Math.min((owner + 1) * range, tasks);
    while (words[next]! < to) {
      const begin = Atomics.add(words, next, grain);
      if (begin >= to) break;
      const end = Math.min(begin + grain, to);
      run(args, begin, end, thread);
      did += end - begin;
    }
  }
  if (did > 0) finish(words, at, did, tasks);
  words[state] = 0;
}

function finish(words: Int32Array, at: number, did: number, tasks: number): void {
  const done = Atomics.add(words, at + doneAt, did) + did;
  if (done === tasks && Atomics.load(words, sleepingWord) > 0) Atomics.notify(words, at + doneAt);
}

/** Waits for the end of a phase; false when the job was called off. */
function isDone(me: Member, at: number): boolean {
  const { words } = me;
  const tasks = words[at + tasksAt]!;
  let until = 0;
  for (let spins = 1; ; spins++) {
    const done = Atomics.load(words, at + doneAt);
    if (done === tasks) return true;
    if (Atomics.load(words, failedWord) !== 0) return false;
    pause();
    if (spins % spinsPerLook !== 0) continue;
    const now = performance.now();
    if (until === 0) until = now + spinMs;
    if (now < until) continue;
    if (me.sleeps) {
      Atomics.add(words, sleepingWord, 1);
      if (Atomics.load(words, failedWord) === 0) Atomics.wait(words, at + doneAt, done, napMs);
      Atomics.sub(words, sleepingWord, 1);
    }
    me.onWait(at, done);
  }
}

/** A worker's life: waits for jobs and takes part in them. `refresh` makes `me.words` show the whole memory. */
export function serve(me: Member, refresh: () => void): never {
  let last = 0;
  let pages = 0;
  const inside = insideWord(me.thread);
  for (;;) {
    last = nextJob(me.words, last);
    // First said, then looked: the calling thread does it in the other order before it writes a table again.
    Atomics.store(me.words, inside, last);
    if (Atomics.load(me.words, sequenceWord) === last) {
      const job = jobWords + jobStride * (last & (tableCount - 1));
      if (me.words[job + 2] !== pages) {
        pages = me.words[job + 2]!;
        refresh();
      }
      try {
        takePart(me, me.words[job]! >>> 0, me.words[job + 1]!);
      } catch (error) {
        callOff(me.words, String(error));
        Atomics.store(me.words, stateWord(me.thread), 0);
      }
    }
    Atomics.store(me.words, inside, 0);
  }
}

function nextJob(words: Int32Array, last: number): number {
  let until = 0;
  for (let spins = 1; ; spins++) {
    const sequence = Atomics.load(words, sequenceWord);
    if (sequence !== last) return sequence;
    pause();
    if (spins % spinsPerLook !== 0) continue;
    const now = performance.now();
    if (until === 0) until = now + spinMs;
    if (now < until) continue;
    Atomics.add(words, parkedWord, 1);
    Atomics.wait(words, sequenceWord, last);
    Atomics.sub(words, parkedWord, 1);
    until = 0;
  }
}

/** Makes the job of this number visible to the workers and wakes those who sleep. */
export function announce(words: Int32Array, sequence: number): void {
  Atomics.store(words, sequenceWord, sequence);
  if (Atomics.load(words, parkedWord) > 0) Atomics.notify(words, sequenceWord);
}

/** Ends the job for everyone; the first message stays. */
export function callOff(words: Int32Array, message: string): void {
  if (Atomics.compareExchange(words, failedWord, 0, 2) !== 0) return;
  const text = new Uint16Array(words.buffer, 4 * (messageWords + 1), messageLength);
  const length = Math.min(message.length, messageLength);
  for (let i = 0; i < length; i++) text[i] = message.charCodeAt(i);
  words[messageWords] = length;
  Atomics.store(words, failedWord, 1);
}

export function failure(words: Int32Array): string {
  const text = new Uint16Array(words.buffer, 4 * (messageWords + 1), words[messageWords]);
  return String.fromCharCode(...text);
}

/** Where a thread says which job it is in. */
export function insideWord(thread: number): number {
  return workerWords + apart * thread;
}

/** Where a thread says that it may hold a chunk. */
export function stateWord(thread: number): number {
  return workerWords + apart * thread + 1;
}
