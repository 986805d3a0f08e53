// What is compared with whom, and how far we want to be: the table of `npm run bench -- peers`. Every figure is a ratio, the peer's
// time (or memory) over ours, so that more is better.

export type PeerName = "PyTorch" | "onnxruntime";

export interface Row {
  readonly name: string;
  /** `speed`: ours and the peers' in turn; `threads`: ours on 1 and on 2; `memory`: the peak of fresh processes; `limit`: ours alone. */
  readonly kind: "speed" | "threads" | "memory" | "limit" | "start";
  /** The case, as `cases.ts` and the peers know it. */
  readonly words: string;
  readonly peers: readonly PeerName[];
  /** The least ratio that is wanted: to PyTorch, to the faster of both peers, to one thread. */
  readonly torch?: number;
  readonly best?: number;
  readonly scaling?: number;
  /** The most milliseconds of one of `count` in a run. */
  readonly limitMs?: number;
  readonly count?: number;
  /** At most this many rounds, for what takes seconds. */
  readonly rounds?: number;
  /** Arithmetic of one run. */
  readonly flops?: number;
  /** Memory that one run has to move at least. */
  readonly bytes?: number;
}

const both: readonly PeerName[] = ["PyTorch", "onnxruntime"];
const torchOnly: readonly PeerName[] = ["PyTorch"];
const heavyRounds = 4;

function matmul(M: number, K: number, N: number, torch?: number): Row {
  const target = torch === undefined ? {} : { torch, best: torch };
  return {
    ...{ kind: "speed", name: `matmul ${M}×${K}×${N}`, words: `matmul ${M} ${K} ${N}`, peers: both },
    ...{ ...target, flops: 2 * M * K * N, bytes: 4 * (M * K + K * N + M * N) },
  };
}

/** The layer, whose weight may be packed beforehand. */
function linear(M: number, K: number, N: number): Row {
  const { name: _, words: __, ...row } = matmul(M, K, N);
  return { ...row, name: `linear ${M}×${K}×${N}`, words: `linear ${M} ${K} ${N}` };
}

function unary(name: string, words: string, passes: number): Row {
  const bytes = 4 * 1024 * 3072 * passes;
  return { kind: "speed", name: `${name}, 1024×3072`, words: `unary ${words}`, peers: torchOnly, torch: 1, bytes };
}

/** Arithmetic of a forward pass through transformer layers of B × T tokens. */
function layersFlops(layers: number, C: number, B: number, T: number): number {
  return layers * B * T * (24 * C * C + 4 * T * C);
}

function encoder(name: string, words: string, [B, T]: [number, number], torch: number, best: number): Row {
  const [layers, C] = words === "bert" ? [12, 768] : [6, 384];
  return {
    ...{ kind: "speed", name: `${name} encoder ${B}×${T}`, words: `encode ${words} ${B} ${T}`, peers: both },
    ...{ torch, best, flops: layersFlops(layers!, C!, B, T) }, // both given above
  };
}

const bertStepFlops = 3 * layersFlops(12, 768, 8, 128);
const gpt2StepFlops = 3 * (layersFlops(12, 768, 4, 128) + 2 * 4 * 128 * 768 * 50257);
const gpt2Bytes = 4 * (12 * 12 * 768 * 768 + 768 * 50257); // weights, read for every token

export const rows: readonly Row[] = [
  matmul(1024, 1024, 1024, 0.95),
  matmul(512, 768, 3072, 0.95),
  matmul(512, 3072, 768, 0.95),
  matmul(2048, 768, 768, 0.95),
  matmul(128, 768, 768, 1),
  matmul(1, 768, 50257, 1),
  matmul(1, 50257, 768, 1),
  linear(128, 768, 768),
  linear(1, 768, 50257),
  unary("GELU", "gelu", 2),
  unary("exp", "exp", 2),
  unary("softmax", "softmax", 2),
  unary("LayerNorm", "layerNorm", 2),
  unary("sum of rows", "sumRows", 1),
  unary("sum of columns", "sumColumns", 1),
  encoder("BERT-base", "bert", [1, 16], 1.2, 0.95),
  encoder("BERT-base", "bert", [1, 128], 1.2, 0.95),
  encoder("BERT-base", "bert", [8, 128], 1.2, 0.95),
  encoder("MiniLM", "minilm", [1, 16], 1.3, 1),
  encoder("MiniLM", "minilm", [1, 128], 1.3, 1),
  encoder("MiniLM", "minilm", [32, 128], 1.3, 1),
  {
    ...{ kind: "speed", name: "BERT-base training step 8×128", words: "trainBert 8 128", peers: torchOnly },
    ...{ torch: 1.1, rounds: heavyRounds, flops: bertStepFlops },
  },
  {
    ...{ kind: "speed", name: "GPT-2 training step 4×128", words: "trainGpt2 4 128", peers: torchOnly },
    ...{ torch: 1.1, rounds: heavyRounds, flops: gpt2StepFlops },
  },
  {
    ...{ kind: "speed", name: "GPT-2 decoding 32 + 64", words: "decode 32 64", peers: torchOnly },
    ...{ torch: 1.2, rounds: heavyRounds, bytes: 64 * gpt2Bytes },
  },
  {
    ...{ kind: "speed", name: "LSTM encoder–decoder step", words: "trainSummarizer 32 96 16", peers: torchOnly },
    torch: 1.1,
  },
  {
    ...{ kind: "limit", name: "add of 8 elements", words: "adds", peers: torchOnly },
    ...{ limitMs: 0.002, count: 100 },
  },
  {
    ...{ kind: "limit", name: "add of 8 elements with gradient", words: "addsWithGradient", peers: torchOnly },
    ...{ limitMs: 0.004, count: 100 },
  },
  {
    ...{ kind: "threads", name: "1 to 2 threads: matmul 1024×1024×1024", words: "matmul 1024 1024 1024" },
    ...{ peers: [], scaling: 1.7 },
  },
  {
    ...{ kind: "threads", name: "1 to 2 threads: BERT-base encoder 8×128", words: "encode bert 8 128" },
    ...{ peers: [], scaling: 1.7, rounds: heavyRounds },
  },
  {
    ...{ kind: "threads", name: "1 to 2 threads: BERT-base training step 8×128", words: "trainBert 8 128" },
    ...{ peers: [], scaling: 1.7, rounds: 3 },
  },
  {
    ...{ kind: "memory", name: "peak memory, BERT-base training step 8×128", words: "trainBert 8 128" },
    ...{ peers: torchOnly, torch: 1 },
  },
  { kind: "start", name: "import and first small matmul", words: "", peers: [], limitMs: 150 },
];
