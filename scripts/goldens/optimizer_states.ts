// The state of every optimizer of test/fixtures/optim after the steps before its states.pt, and the parameters, as Kindling saves
// them: `node --conditions=kindling-source optimizer_states.ts FILE`. check_optimizer_states.py reads them.

import { readFileSync } from "node:fs";
import { cat, optim, type Tensor, tensor } from "kindling";
import { save } from "kindling/checkpoint";

interface Golden {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "float64";
  readonly data: readonly number[];
}
interface Trajectory {
  readonly name: string;
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly groups?: readonly { readonly params: readonly number[] }[];
  readonly feedback?: boolean;
}
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("optimizer_states.ts FILE");
const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../test/fixtures/optim/${name}.json`, import.meta.url), "utf8"));
const decode = ({ shape, dtype, data }: Golden): Tensor => tensor([...data], { dtype }).reshape(...shape);
const problem = read("problem") as { params: Golden[]; grads: (Golden | null)[][] };
const kinds = optim as unknown as Record<
  string,
  new (
    params: unknown,
    options: object,
  ) => optim.Optimizer<optim.BaseOptions>
>; // by name

const out: Record<string, unknown> = {};
for (const { name, optimizer: kind, options, groups, feedback = false } of read("optimizers") as Trajectory[]) {
  const params = problem.params.map((p) => decode(p).requiresGrad_());
  const given = groups?.map((g) => ({ ...g, params: g.params.map((i) => params[i]) })) ?? params;
  const optimizer = new kinds[kind]!(given, options);
  for (const grads of problem.grads.slice(0, 10)) {
    params.forEach((p, i) => {
      const grad = grads[i] ? decode(grads[i]) : undefined;
      p.grad = feedback ? grad?.add(p.detach()) : grad;
    });
    optimizer.step();
  }
  out[name] = { state: optimizer.stateDict(), params: params.map((p) => p.detach()) };
}

for (const { name, options, start } of read("lbfgs") as { name: string; options: object; start: Golden }[]) {
  const x = decode(start);
  const params = [x.narrow(0, 0, 2).clone().requiresGrad_(), x.narrow(0, 2, 2).clone().requiresGrad_()];
  const optimizer = new optim.LBFGS(params, options);
  for (let i = 0; i < 3; i++) {
    optimizer.step(() => {
      optimizer.zeroGrad();
      const all = cat(params);
      const [left, right] = [all.narrow(0, 0, 3), all.narrow(0, 1, 3)];
      const loss = right.sub(left.square()).square().mul(10).add(left.neg().add(1).square()).sum();
      loss.backward();
      return loss;
    });
  }
  out[name] = { state: optimizer.stateDict(), params: params.map((p) => p.detach()) };
}
await save(out, file);
