// The same program gives the same bits on the same number of threads, and the same numbers to rounding on others: a small
// transformer with tied embeddings, dropout and clipping, trained a few steps in processes of its own.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const program = `
import { manualSeed, nn, optim, scope, randint, ones } from "kindling";
const [B, T, C, H, V] = [3, 33, 48, 4, 301];
class Block extends nn.Module {
  constructor() {
    super();
    this.ln1 = new nn.LayerNorm(C);
    this.qkv = new nn.Linear(C, 3 * C);
    this.proj = new nn.Linear(C, C);
    this.ln2 = new nn.LayerNorm(C);
    this.up = new nn.Linear(C, 4 * C);
    this.down = new nn.Linear(4 * C, C);
    this.drop = new nn.Dropout(0.1);
  }
  forward(x, mask) {
    const [q, k, v] = this.qkv(this.ln1(x)).chunk(3, -1).map((t) => t.view(B, T, H, C / H).transpose(1, 2)); // [B, H, T, C/H]
    const weights = nn.functional.softmax(q.matmul(k.mT).mul((C / H) ** -0.5).maskedFill(mask, -1e9), -1);
    const y = x.add(this.drop(this.proj(weights.matmul(v).transpose(1, 2).reshape(B, T, C))));
    return y.add(this.drop(this.down(nn.functional.gelu(this.up(this.ln2(y))))));
  }
}
manualSeed(1);
const embedding = new nn.Embedding(V, C);
const blocks = new nn.ModuleList([new Block(), new Block()]);
const parameters = [...embedding.parameters(), ...blocks.parameters()];
const optimizer = new optim.AdamW(parameters, { lr: 1e-2 });
const mask = ones([T, T]).triu(1).bool();
const losses = [];
for (let step = 0; step < 6; step++) {
  const s = scope();
  const ids = randint(0, V, [B, T]);
  let x = embedding(ids);
  for (const block of blocks) x = block(x, mask);
  const labels = ids.mul(7).add(3).remainder(V).view(B * T);
  const loss = nn.functional.crossEntropy(nn.functional.linear(x, embedding.weight).view(B * T, V), labels);
  loss.backward();
  losses.push(loss.item(), optim.clipGradNorm_(parameters, 0.5));
  optimizer.step();
  optimizer.zeroGrad();
  s.end();
}
console.log(JSON.stringify({ losses, parameters: parameters.flatMap((p) => Array.from(p.toArray())) }));
`;

interface Trained {
  readonly losses: readonly number[];
  readonly parameters: readonly number[];
}

function train(threads: number): Trained {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=kindling-source", "--input-type=module", "-e", program],
    { env: { ...process.env, KINDLING_THREADS: String(threads) }, encoding: "utf8", maxBuffer: 2 ** 27 },
  );
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Trained; // what the program prints
}

const two = train(2);

test("two runs on two threads agree to the bit, and learn", () => {
  assert.deepEqual(train(2), two);
  assert.ok(two.losses.at(-2)! < 0.8 * two.losses[0]!, `losses ${two.losses}`);
  assert.ok(two.parameters.every(Number.isFinite));
});

test("one thread gives the numbers of two, to rounding", () => {
  const one = train(1);
  one.losses.forEach((loss, i) => {
    assert.ok(Math.abs(loss - two.losses[i]!) <= 1e-3 * Math.abs(loss), `${loss} and ${two.losses[i]}`);
  });
  // Adam moves by lr whatever the gradient's size, so what is nearly zero may go the other way.
  const far = one.parameters.filter((p, i) => Math.abs(p - two.parameters[i]!) > 1e-3).length;
  assert.ok(far <= one.parameters.length / 1000, `${far} of ${one.parameters.length} parameters differ`);
});
