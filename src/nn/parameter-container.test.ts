// ParameterList and ParameterDict: order, names in checkpoints, and what belongs to a model that holds them.

import { test } from "node:test";
import { deepEqual, equal, ok, throws } from "../../test/portable/harness.ts";
import { ArgumentError, IndexError } from "../base/errors.ts";
import * as nn from "../nn.ts";
import { ones, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

class Mixture extends nn.Module<[x: Tensor], Tensor> {
  readonly scaleOf = new nn.ParameterList([ones([2]), new nn.Parameter(zeros([2]))]);
  readonly byName = new nn.ParameterDict({ lora_A: ones([2]), inProj: ones([1]) });
  forward(x: Tensor): Tensor {
    let y = x.mul(this.byName.get("lora_A"));
    for (const scale of this.scaleOf) y = y.add(scale);
    return y;
  }
}

test("their parameters are the model's, under their places and names", () => {
  const model = new Mixture();
  const names = ["scale_of.0", "scale_of.1", "by_name.lora_A", "by_name.inProj"];
  deepEqual([...model.stateDict().keys()], names);
  equal(model.parameters().length, 4);
  model(ones([3, 2]))
    .sum()
    .backward();
  deepEqual(Array.from(model.scaleOf.at(0).grad!.toArray()), [3, 3]);
  equal(model.byName.get("inProj").grad, undefined);
  model.loadStateDict({ ...Object.fromEntries(model.stateDict()), "by_name.inProj": ones([1]).mul(5) });
  equal(model.byName.get("inProj").item(), 5);
  equal(model.to("float64").scaleOf.at(1).dtype, "float64");
});

test("functionalCall finds them by the same names", () => {
  const model = new Mixture();
  const state = { "scale_of.0": zeros([2]), "by_name.lora_A": ones([2]).mul(4) };
  deepEqual(nn.functionalCall(model, state, [ones([2])]).tolist(), [4, 4]);
});

test("lists grow at the end, dicts by name", () => {
  const list = new nn.ParameterList();
  list.push(ones([2]));
  list.push(zeros([1]));
  equal(list.size, 2);
  ok(list.at(-1) instanceof nn.Parameter && list.at(0).requiresGrad);
  throws(() => list.at(2), IndexError, /out of range for 2/);
  throws(() => (list as unknown as () => void)(), ArgumentError, /ParameterList is not called/);
  const dict = new nn.ParameterDict({ b: ones([1]), a: ones([1]) });
  deepEqual(dict.keys(), ["b", "a"]);
  dict.set("b", zeros([3]));
  deepEqual(
    [...dict].map(([name, p]) => `${name} ${p.shape.join()}`),
    ["b 3", "a 1"],
  );
  equal(dict.delete("a"), true);
  equal(dict.has("a"), false);
  throws(() => dict.get("a"), IndexError, /there are b/);
  throws(() => dict.set("training", ones([1])), ArgumentError, /every module has/);
  throws(() => dict.set("x.y", ones([1])), ArgumentError, /no dot/);
});
