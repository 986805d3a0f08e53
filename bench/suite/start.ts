// The milliseconds of `import` and a first small product, in a process of its own.

const from = performance.now();
const { tensor } = await import("kindling");
tensor([
  [1, 2],
  [3, 4],
])
  .matmul(tensor([[1], [1]]))
  .toArray();
console.log(performance.now() - from);
process.exit();
