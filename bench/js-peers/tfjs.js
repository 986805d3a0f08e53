// TensorFlow.js, its WebAssembly backend: matmul, an encoder's layers, a perceptron's training step.

import { createRequire } from "node:module";
import { encoders, perceptron, serve } from "./protocol.js";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");
await tf.setBackend("wasm");

const normal = (...shape) => tf.randomNormal(shape, 0, 0.02);
const denseOf = (from, to) => ({ weight: normal(from, to), bias: tf.zeros([to]) });
const normOf = (C) => ({ weight: tf.ones([C]), bias: tf.zeros([C]) });
const dense = (x, { weight, bias }) => tf.add(tf.matMul(x, weight), bias);

function layerNorm(x, { weight, bias }) {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.add(tf.mul(tf.div(centred, tf.sqrt(tf.add(variance, 1e-12))), weight), bias);
}
const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

/** `[B T, C]` to `[B T, C]` */
function layer(x, p, B, T, C, H) {
  const heads = (part) => tf.transpose(tf.reshape(dense(x, part), [B, T, H, C / H]), [0, 2, 1, 3]);
  const scores = tf.mul(tf.matMul(heads(p.q), heads(p.k), false, true), 1 / Math.sqrt(C / H));
  const attended = tf.transpose(tf.matMul(tf.softmax(scores), heads(p.v)), [0, 2, 1, 3]);
  const y = layerNorm(tf.add(x, dense(tf.reshape(attended, [B * T, C]), p.out)), p.norm1);
  return layerNorm(tf.add(y, dense(gelu(dense(y, p.up)), p.down)), p.norm2);
}

/** Runs it, waits for its values to be there, and frees all. */
const computed = (compute) => () => tf.tidy(() => void compute().dataSync());

await serve({
  matmul(M, K, N) {
    const [a, b] = [normal(M, K), normal(K, N)];
    return computed(() => tf.matMul(a, b));
  },
  encodeLayers(name, B, T) {
    const { layers, C, H, I } = encoders[name];
    const params = Array.from({ length: layers }, () => ({
      ...{ q: denseOf(C, C), k: denseOf(C, C), v: denseOf(C, C), out: denseOf(C, C) },
      ...{ up: denseOf(C, I), down: denseOf(I, C), norm1: normOf(C), norm2: normOf(C) },
    }));
    const x = normal(B * T, C);
    return computed(() => params.reduce((y, p) => layer(y, p, B, T, C, H), x));
  },
  trainMlp(B) {
    const params = perceptron.slice(1).map((to, i) => ({
      weight: tf.variable(normal(perceptron[i], to)),
      bias: tf.variable(tf.zeros([to])),
    }));
    const x = normal(B, perceptron[0]);
    const target = tf.oneHot(
      tf.tensor1d(
        Array.from({ length: B }, (_, i) => i % 10),
        "int32",
      ),
      10,
    );
    const optimizer = tf.train.sgd(0.01);
    const loss = () => {
      const y = params.reduce((x, p, i) => (i === 0 ? dense(x, p) : dense(tf.relu(x), p)), x);
      return tf.losses.softmaxCrossEntropy(target, y);
    };
    return () => tf.tidy(() => void optimizer.minimize(loss, true).dataSync());
  },
});
