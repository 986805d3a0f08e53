// When memory comes back. A tensor made inside a scope is freed when the scope ends, unless it is kept; one made outside
// is freed when the garbage collector finds its handle dead, which an allocation under pressure can force. Tensors that
// outlive a step (parameters, gradients, optimizer state) are taken out of every scope by `persist`.

import { platform } from "#runtime/base/platform";
import type { Tensor } from "./core.ts";
import type { Storage } from "./storage.ts";

(Symbol as { dispose: symbol }).dispose ??= Symbol.for("Symbol.dispose"); // runtimes without explicit resource management

/** Memory that is freed together; `using s = scope()` ends it with the block. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #tensors: Tensor[] = [];
  readonly #name: string;
  /** Graph nodes made in this scope have at least this number. */
  readonly firstNode: number;
  #ended = false;

  constructor(name: string, parent: Scope | undefined, firstNode: number) {
    this.#name = name;
    this.#parent = parent;
    this.firstNode = firstNode;
  }

  add(tensor: Tensor): void {
    this.#tensors.push(tensor);
  }

  /** Takes tensors (and what their gradients need) out of this scope into the one around it. */
  keep<T>(value: T): T {
    forEachTensor(value, (t) => keepGraph(t, this, this.#parent?.open));
    return value;
  }

  /** Frees everything made here that was not kept. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    current = current?.open;
    for (const tensor of this.#tensors) if (tensor.scope === this) tensor.dispose(`the end of ${this.#name}`);
  }

  [Symbol.dispose](): void {
    this.end();
  }

  /** The scope itself, or the nearest around it that has not ended: scopes may end in any order. */
  get open(): Scope | undefined {
    return this.#ended ? this.#parent?.open : this;
  }
}

let current: Scope | undefined;
let nodeCount = 0;

/** The number of the next graph node. */
export function nextNode(): number {
  return nodeCount++;
}

/** Opens a scope: tensors made until it ends are freed with it, unless `keep` or `persist` takes them out. */
export function scope(name = "a scope"): Scope {
  current = new Scope(name, current, nodeCount);
  return current;
}

/** Runs `body` in a scope; the tensors it returns (bare, in arrays or in plain objects) live on, its temporaries do not. */
export function tidy<T>(body: () => T, name = "tidy()"): T {
  const s = scope(name);
  try {
    return s.keep(body());
  } finally {
    s.end();
  }
}

/** Makes tensors outlive every scope: they are freed by `dispose()` or with their last reference. */
export function persist<T>(value: T): T {
  forEachTensor(value, (t) => {
    if (t.scope !== undefined) move(t, undefined);
  });
  return value;
}

/** A new tensor's place: the current scope, or the garbage collector's care. */
export function adopt(tensor: Tensor): Scope | undefined {
  if (current === undefined) watch(tensor);
  else current.add(tensor);
  return current;
}

function move(tensor: Tensor, to: Scope | undefined): void {
  tensor.scope = to;
  if (to === undefined) watch(tensor);
  else to.add(tensor);
}

/** Moves a tensor, and the tensors saved by the part of its graph that was made in `from`. */
function keepGraph(tensor: Tensor, from: Scope, to: Scope | undefined): void {
  if (tensor.scope === from) move(tensor, to);
  const first = tensor.node;
  if (first === undefined || first.number < from.firstNode) return;
  const seen = new Set([first]);
  for (const node of seen) {
    for (const saved of node.savedTensors()) if (saved.scope === from) move(saved, to);
    for (const edge of node.edges) {
      if (edge !== undefined && edge.node.number >= from.firstNode) seen.add(edge.node);
    }
  }
}

/** Visits the tensors in a value: bare, in arrays, in maps and in plain objects. */
export function forEachTensor(value: unknown, visit: (tensor: Tensor) => void): void {
  if (typeof value !== "object" || value === null) return;
  if (isTensor(value)) visit(value);
  else if (Array.isArray(value)) for (const item of value) forEachTensor(item, visit);
  else if (value instanceof Map) for (const item of value.values()) forEachTensor(item, visit);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) forEachTensor(item, visit);
}

/** Marks tensors, so that this file need not import their class. */
export const brand: unique symbol = Symbol("kindling.Tensor");

function isTensor(value: object): value is Tensor {
  return brand in value;
}

// ── tensors outside of every scope ──────────────────────────────────────────────────────────────────────────────────
//
// A WeakRef, and what it points to, outlives the collector's quick rounds, and whoever made one waits for it. So handles hold
// a token that is small, and WeakRefs point to tokens; neighbours in time with little memory share one:
//
//   handle, handle, handle → token ← WeakRef ← brood → what each handle must let go of

/** A handle in the collector's care; `released` once it let go of its storage by itself. */
export interface Watched {
  readonly storage: Storage;
  released: boolean;
}

/** Alive as long as one of the handles that hold it. */
export class Token {}

interface Brood {
  readonly token: WeakRef<Token>;
  readonly members: Watched[];
}

/** A handle that lives long keeps at most so much memory of its brood from being used again. */
const broodSize = 8;
const smallBytes = 1024;
/** So many handles are watched before the dead are looked for. */
const firstSweep = 65536;

let broods: Brood[] = [];
let watchedCount = 0;
let sweepAt = firstSweep;
/** Where the next small tensor goes. */
let open: { readonly token: Token; readonly members: Watched[] } | undefined;

// A collection that takes this object has looked at the tensors too: then their memory is swept, and the next one waits.
const canary = new FinalizationRegistry<undefined>(() => sweep());

function watch(tensor: Tensor): void {
  const { storage } = tensor;
  const isSmall = storage.bytes <= smallBytes;
  const brood = (isSmall ? open : undefined) ?? newBrood();
  const member: Watched = { storage, released: false };
  brood.members.push(member);
  tensor.watched = member;
  tensor.token = brood.token;
  if (isSmall) open = brood.members.length < broodSize ? brood : undefined;
  if (++watchedCount > sweepAt) relieveList();
}

function newBrood(): { readonly token: Token; readonly members: Watched[] } {
  const token = new Token();
  const members: Watched[] = [];
  broods.push({ token: new WeakRef(token), members });
  if (broods.length === 1) canary.register({}, undefined);
  return { token, members };
}

/** The list has become long: forgets what was released, and has the dead found if that was not much. */
function relieveList(): void {
  const before = watchedCount;
  forget(() => false);
  const { forceGc } = platform;
  if (watchedCount > before / 2 && forceGc !== undefined) collect(forceGc);
  sweepAt = Math.max(firstSweep, watchedCount * 2);
}

/** Frees the memory of handles that are gone, and says whether there was any. */
function sweep(): boolean {
  open = undefined; // or its token would live
  const freed = forget(({ token }) => token.deref() === undefined);
  if (broods.length > 0) canary.register({}, undefined);
  return freed;
}

/** Shortens the list to what is still to be freed later; says whether memory was freed. */
function forget(isDead: (brood: Brood) => boolean): boolean {
  let freed = false;
  watchedCount = 0;
  broods = broods.filter((brood) => {
    const waiting = brood.members.reduce((n, { released }) => n + Number(!released), 0);
    if (waiting > 0 && isDead(brood)) {
      for (const { storage, released } of brood.members) if (!released) storage.release();
      freed = true;
      return false;
    }
    watchedCount += waiting;
    return waiting > 0 || brood.members === open?.members;
  });
  return freed;
}

/** Collects garbage with `forceGc` and frees the memory of dead tensors; says whether there was any. */
export function collect(forceGc: () => void): boolean {
  open = undefined;
  forceGc();
  return sweep();
}
