// jax-js, its WebAssembly backend, jitted: matmul, an encoder's layers, a perceptron's training step. An array is used up by its use; `.ref`
// keeps it.

import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { encoders, perceptron, serve } from "./protocol.js";

await init("wasm");
defaultDevice("wasm");

let seed = 0;
const normal = (...shape) => random.normal(random.key(seed++), shape).mul(0.02);

async function ready(result) {
  await blockUntilReady(result);
  tree.dispose(result);
}

function layerNorm(x, { weight, bias }) {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(centred.ref.mul(centred.ref), -1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-12)))
    .mul(weight)
    .add(bias);
}

const dense = (x, { weight, bias }) => np.matmul(x, weight).add(bias);
const denseOf = (from, to) => ({ weight: normal(from, to), bias: np.zeros([to]) });
const normOf = (C) => ({ weight: np.ones([C]), bias: np.zeros([C]) });

function layer(x, p, B, T, C, H) {
  const heads = (part) => dense(x.ref, part).reshape([B, T, H, C / H]);
  const attended = nn.dotProductAttention(heads(p.q), heads(p.k), heads(p.v)).reshape([B, T, C]);
  const y = layerNorm(x.add(dense(attended, p.out)), p.norm1);
  const active = nn.gelu(dense(y.ref, p.up), { approximate: false });
  return layerNorm(y.add(dense(active, p.down)), p.norm2);
}

await serve({
  matmul(M, K, N) {
    const [a, b] = [normal(M, K), normal(K, N)];
    const product = jit((a, b) => np.matmul(a, b));
    return () => ready(product(a.ref, b.ref));
  },
  encodeLayers(name, B, T) {
    const { layers, C, H, I } = encoders[name];
    const params = Array.from({ length: layers }, () => ({
      ...{ q: denseOf(C, C), k: denseOf(C, C), v: denseOf(C, C), out: denseOf(C, C) },
      ...{ up: denseOf(C, I), down: denseOf(I, C), norm1: normOf(C), norm2: normOf(C) },
    }));
    const x = normal(B, T, C);
    const forward = jit((params, x) => params.reduce((y, p) => layer(y, p, B, T, C, H), x));
    return () => ready(forward(tree.ref(params), x.ref));
  },
  trainMlp(B) {
    let params = perceptron.slice(1).map((to, i) => denseOf(perceptron[i], to));
    const x = normal(B, perceptron[0]);
    const target = nn.oneHot(
      np.array(
        Array.from({ length: B }, (_, i) => i % 10),
        { dtype: np.int32 },
      ),
      10,
    );
    const loss = (params, x, target) => {
      const y = params.reduce((x, p, i) => (i === 0 ? dense(x, p) : dense(nn.relu(x), p)), x);
      return np.mean(np.sum(nn.logSoftmax(y).mul(target), -1)).neg();
    };
    const step = jit((params, x, target) => {
      const [value, grads] = valueAndGrad(loss)(tree.ref(params), x, target);
      return [value, tree.map((p, g) => p.sub(g.mul(0.01)), params, grads)];
    });
    return async () => {
      const [value, next] = step(params, x.ref, target.ref);
      params = next;
      await blockUntilReady(next);
      await value.data();
    };
  },
});
