// Tensors and gradients, as in PyTorch: `npm run example -- examples/tensors.ts`.

import { arange, grad, manualSeed, memoryStats, noGrad, randn, scope, tensor } from "kindling";

// A tensor prints as PyTorch prints it. `at` slices as Python does, without copying.
const x = arange(0, 12).view(3, 4).float(); //                  [3, 4]
console.log("x =", x);
console.log("x[1:, ::2] =", x.at("1:", "::2"));
console.log("mean of each column:", x.mean({ dim: 0 }));

// Shapes broadcast. What does not fit is said before anything is computed.
const centered = x.sub(x.mean({ dim: 1, keepdim: true })); //   [3, 4] − [3, 1]
console.log("row means are now", centered.mean({ dim: 1 }));
try {
  x.matmul(x);
} catch (error) {
  console.log((error as Error).message);
}

// Operations on a tensor that requires a gradient are recorded; backward() walks them back.
manualSeed(0); //                                               PyTorch's numbers for the same seed
const w = randn([3, 2], { requiresGrad: true });
const loss = tensor([[1, 2, 3]])
  .matmul(w)
  .tanh()
  .sum();
loss.backward();
console.log("loss", loss.item(), "gradient", w.grad);

// Gradients have gradients: x³ has 3x², and then 6x.
const t = tensor(2, { requiresGrad: true });
const [first] = grad(t.pow(3), [t], undefined, { createGraph: true });
const [second] = grad(first!, [t]);
console.log("d x³/dx at 2 is", first!.item(), "and the second derivative", second!.item());

// A least-squares line, found by walking downhill. A scope frees what each turn made.
const inputs = randn([100]);
const targets = inputs
  .mul(3)
  .add(0.5)
  .add(randn([100]).mul(0.1)); // y = 3 x + 0.5, with noise
const slope = tensor(0, { requiresGrad: true });
const offset = tensor(0, { requiresGrad: true });
for (let step = 0; step < 200; step++) {
  using _ = scope();
  const error = inputs.mul(slope).add(offset).sub(targets).pow(2).mean();
  const parameters = [slope, offset];
  const gradients = grad(error, parameters);
  noGrad(() => parameters.forEach((parameter, i) => parameter.sub_(gradients[i]!.mul(0.1))));
}
console.log(`y = ${slope.item().toFixed(2)} x + ${offset.item().toFixed(2)}`);
console.log(`${memoryStats().liveBlocks} tensors hold memory`);
