// Where the time of a training step goes. Prints the table, and writes a trace that chrome://tracing and
// https://ui.perfetto.dev open.
//
//   npm run example -- examples/profile.ts [trace.json]

import { nn, optim, profile, randint, randn, recordFunction, type Tensor } from "kindling";

const smoke = process.argv.includes("--smoke"); // small, for the tests
const path = process.argv.slice(2).find((arg) => !arg.startsWith("--")) ?? "runs/profile/trace.json";
const [B, C, hidden, classes] = smoke ? [16, 32, 64, 10] : [256, 512, 2048, 1000];

class Classifier extends nn.Module<[x: Tensor], Tensor> {
  readonly norm = new nn.LayerNorm(C);
  readonly up = new nn.Linear(C, hidden);
  readonly activation = new nn.GELU();
  readonly output = new nn.Linear(hidden, classes);

  forward(x: Tensor): Tensor {
    return this.output(this.activation(this.up(this.norm(x)))); // [B, classes]
  }
}

const model = new Classifier();
const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
const x = randn([B, C]);
const y = randint(0, classes, [B]);

function step(): number {
  optimizer.zeroGrad();
  const loss = recordFunction("forward", () => nn.functional.crossEntropy(model(x), y));
  loss.backward();
  optimizer.step();
  return loss.item();
}

step(); // makes the kernels, which is no part of a usual step
const result = profile(step, { modules: model });
console.log(String(result));
await result.writeTrace(path);
console.log(`\nThe trace is in ${path}.`);
