"""Optimizer trajectories, gradient clipping and learning-rate schedules. Writes test/fixtures/optim/.

problem.json   { params: [tensor], grads: [step][tensor | null] }: where every trajectory starts, and the gradient of each
               parameter at each step (null: it has none at that step)
optimizers.json [{ name, optimizer, options, groups?: [{ params: [index], ...options }], feedback?, trajectory: [step][param][values],
               state: { <param index>: { key: tensor | number } } }]: values after each step. `feedback`: the gradient is that of
               problem.json plus the parameter itself, so that errors add up as in training.
lbfgs.json     [{ name, options, start: tensor, steps: [{ loss, x: [values], funcEvals, nIter }] }] on the Rosenbrock function's
               chain, Σ 10 (x[i+1] − x[i]²)² + (1 − x[i])², whose parameters are x[:2] and x[2:]
states.pt      { name: state_dict } after 10 of the 20 steps of a trajectory (or 3 of an "LBFGS …"), as torch.save writes it
bn.json        { before, after: state_dict, batches: [tensor] } of update_bn on Sequential(BatchNorm1d(3), Linear(3, 2), BatchNorm1d(2))
clip.json      [{ grads: [tensor], maxNorm, normType, total, clipped: [tensor] }] and [{ grads, clipValue, clipped }]
schedules.json [{ name, from: "torch" | "transformers", schedule, args, lr, lrs: [[per group]] or [lr], momentums?, metrics? }]:
               `lrs[i]` after i steps, so lrs[0] is what the first optimizer step uses
averaging.json [{ name, average: "swa" | "ema", multi, useBuffers, states: [step][tensor], averaged: [step]{ key: tensor } }]: states of
               Sequential(Linear(3, 2), BatchNorm1d(2)), parameters before buffers, and the AveragedModel's state after each
"""

import copy
import itertools
import math

import torch
import transformers
from torch import optim
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from common import FIXTURES, Raw, encode, number, values, write

STEPS = 20


def rounded(g, *shape, scale=1.0):
    return (torch.randn(shape, generator=g) * scale * 100).round() / 100


def problem():
    g = torch.Generator().manual_seed(0)
    params = [rounded(g, 2, 3), rounded(g, 2)]
    grads = []
    for step in range(STEPS):
        pair = [rounded(g, 2, 3), rounded(g, 2, scale=0.1)]
        if step in (3, 4):
            pair[1] = None
        grads.append(pair)
    return params, grads


def camel(options):
    return {"".join(w if i == 0 else w.title() for i, w in enumerate(k.split("_"))): v for k, v in options.items()}


STATES = {}


def kind(name):
    """An optimizer of PyTorch's, or transformers' own Adafactor."""
    return transformers.optimization.Adafactor if name == "HfAdafactor" else getattr(optim, name)


def run(name, groups=None, feedback=False, label=None, **options):
    label = label or f"{name} {options}" + (", fed back" if feedback else "")
    start, grads = problem()
    params = [torch.nn.Parameter(p.clone()) for p in start]
    given = params if groups is None else [{**g, "params": [params[i] for i in g["params"]]} for g in groups]
    optimizer = kind(name)(given, **options)
    trajectory = []
    for step in grads:
        for p, grad in zip(params, step):
            p.grad = None if grad is None else (grad + p.detach() if feedback else grad.clone())
        optimizer.step()
        trajectory.append([values(p) for p in params])
        if len(trajectory) == STEPS // 2:
            STATES[label] = copy.deepcopy(optimizer.state_dict())
    state = {str(i): {k: encode(v) if torch.is_tensor(v) else v for k, v in s.items() if k != "RMS"} for i, s in optimizer.state_dict()["state"].items()}
    entry = {"name": label, "optimizer": name, "options": camel(options)}
    if groups is not None:
        entry["groups"] = [camel(g) for g in groups]
    if feedback:
        entry["feedback"] = True
    return entry | {"trajectory": trajectory, "state": state}


def optimizers():
    pair = [{"params": [0], "weight_decay": 0.1}, {"params": [1], "lr": 0.01, "weight_decay": 0.0}]
    return [
        run("SGD", lr=0.1),
        run("SGD", lr=0.1, momentum=0.9),
        run("SGD", lr=0.1, momentum=0.9, dampening=0.5),
        run("SGD", lr=0.1, momentum=0.9, nesterov=True),
        run("SGD", lr=0.1, weight_decay=0.1),
        run("SGD", lr=0.1, momentum=0.8, weight_decay=0.1, nesterov=True, maximize=True),
        run("Adam", lr=0.01),
        run("Adam", lr=0.01, betas=[0.8, 0.95], eps=1e-3, weight_decay=0.1),
        run("Adam", lr=0.01, amsgrad=True),
        run("Adam", lr=0.01, maximize=True),
        run("AdamW", lr=0.01),
        run("AdamW", lr=0.01, weight_decay=0.0),
        run("AdamW", lr=0.05, betas=[0.7, 0.9], eps=1e-2, weight_decay=0.3),
        run("AdamW", lr=0.01, amsgrad=True),
        run("AdamW", lr=0.01, maximize=True, weight_decay=0.1),
        run("AdamW", lr=0.01, feedback=True),
        run("SGD", lr=0.1, momentum=0.9, feedback=True),
        run("AdamW", groups=pair, lr=0.05, label="AdamW, two groups"),
        run("SGD", groups=[{"params": [1], "momentum": 0.5}, {"params": [0]}], lr=0.05, label="SGD, two groups, other order"),
        run("Adagrad", lr=0.1),
        run("Adagrad", lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3),
        run("RMSprop", lr=0.01),
        run("RMSprop", lr=0.01, alpha=0.9, momentum=0.5, centered=True, weight_decay=0.1, eps=1e-3),
        run("Adafactor", lr=0.1),
        run("Adafactor", lr=0.05, beta2_decay=-0.5, d=1.5, weight_decay=0.1),
        run("Adafactor", lr=0.05, eps=[1e-2, 0.5], maximize=True),
        run("HfAdafactor"),
        run("HfAdafactor", warmup_init=True, beta1=0.8, weight_decay=0.1),
        run("HfAdafactor", lr=0.05, relative_step=False, scale_parameter=False, clip_threshold=0.5, decay_rate=-0.5, eps=[1e-3, 1e-2]),
        run("Adadelta", lr=1.0),
        run("Adadelta", lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1, maximize=True),
        run("Adamax", lr=0.01, weight_decay=0.1),
        run("Adamax", lr=0.01, betas=[0.8, 0.9], eps=1e-1, maximize=True),
        run("NAdam", lr=0.01),
        run("NAdam", lr=0.01, betas=[0.8, 0.95], eps=1e-3, weight_decay=0.1, momentum_decay=0.05, maximize=True),
        run("NAdam", lr=0.01, weight_decay=0.1, decoupled_weight_decay=True),
        run("RAdam", lr=0.05),
        run("RAdam", lr=0.05, betas=[0.8, 0.95], eps=1e-3, weight_decay=0.1),
        run("RAdam", lr=0.05, weight_decay=0.1, decoupled_weight_decay=True, maximize=True),
        run("ASGD", lr=0.05),
        run("ASGD", lr=0.05, lambd=0.1, alpha=0.5, t0=5.0, weight_decay=0.1, maximize=True),
        run("Rprop", lr=0.05),
        run("Rprop", lr=0.05, etas=[0.3, 1.5], step_sizes=[1e-2, 0.1], maximize=True),
        run("Adam", lr=0.01, amsgrad=True, maximize=True, weight_decay=0.1),
        run("Adagrad", lr=0.1, maximize=True, weight_decay=0.1),
        run("RMSprop", lr=0.01, maximize=True, momentum=0.5),
        run("Adadelta", lr=1.0, maximize=True),
        run("Adamax", lr=0.01),
        run("NAdam", lr=0.01, weight_decay=0.1, decoupled_weight_decay=True, maximize=True),
    ]


def rosenbrock(x):
    return (10 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def lbfgs():
    out = []
    start = torch.tensor([-1.2, 1.0, -0.5, 0.8], dtype=torch.float64)
    for options in (
        {"lr": 0.05, "max_iter": 4},
        {"line_search_fn": "strong_wolfe", "max_iter": 3},
        {"lr": 0.5, "line_search_fn": "strong_wolfe", "max_iter": 5, "max_eval": 4, "history_size": 2},
        {"lr": 0.1, "max_iter": 6, "history_size": 3, "tolerance_grad": 1e-2, "tolerance_change": 1e-3},
    ):
        params = [torch.nn.Parameter(start[:2].clone()), torch.nn.Parameter(start[2:].clone())]
        optimizer = optim.LBFGS(params, **options)

        def closure():
            optimizer.zero_grad()
            loss = rosenbrock(torch.cat(params))
            loss.backward()
            return loss

        steps = []
        for i in range(6):
            loss = optimizer.step(closure)
            state = optimizer.state_dict()["state"][0]
            steps.append({"loss": number(loss.detach(), torch.float64), "x": values(torch.cat(params)), "funcEvals": state["func_evals"], "nIter": state["n_iter"]})
            if i == 2:
                STATES[f"LBFGS {options}"] = copy.deepcopy(optimizer.state_dict())
        out.append({"name": f"LBFGS {options}", "options": camel(options), "start": encode(start), "steps": steps})
    return out


def batch_norms():
    g = torch.Generator().manual_seed(5)
    N = torch.nn
    model = N.Sequential(N.BatchNorm1d(3), N.Linear(3, 2), N.BatchNorm1d(2, momentum=0.3))
    with torch.no_grad():
        for t in (*model.parameters(), *model.buffers()):
            t.copy_(torch.tensor(9) if t.dtype == torch.long else rounded(g, *t.shape).abs())
    before = {k: encode(v) for k, v in model.state_dict().items()}
    batches = [rounded(g, n, 3) for n in (4, 4, 2)]
    optim.swa_utils.update_bn(batches, model)
    return {"before": before, "after": {k: encode(v) for k, v in model.state_dict().items()}, "batches": [encode(b) for b in batches]}


def clips():
    out = []
    inf = float("inf")
    g = torch.Generator().manual_seed(1)
    pair = [rounded(g, 2, 3), rounded(g, 4)]
    cases = [(pair, 1.0, t) for t in (2.0, 1.0, inf, 3.0, 0.5)]
    cases += [(pair, 100.0, 2.0), (pair, 0.0, 2.0), ([torch.zeros(3)], 1.0, 2.0), ([torch.tensor(3.0)], 1.0, 2.0), ([], 1.0, 2.0)]
    cases += [([torch.tensor([1.0, inf])], 1.0, 2.0), ([torch.tensor([1.0, float("nan")]), torch.tensor([2.0])], 1.0, 2.0)]
    for grads, max_norm, norm_type in cases:
        params = [torch.nn.Parameter(torch.zeros_like(x)) for x in grads]
        for p, x in zip(params, grads):
            p.grad = x.clone()
        total = clip_grad_norm_(params, max_norm, norm_type)
        out.append({"grads": [encode(x) for x in grads], "maxNorm": max_norm, "normType": number(norm_type, torch.float64),
                    "total": number(total, torch.float32), "clipped": [encode(p.grad) for p in params]})  # fmt: skip
    for grads, value in ((pair, 0.5), ([torch.tensor([float("nan"), inf, -3.0])], 1.0)):
        params = [torch.nn.Parameter(torch.zeros_like(x)) for x in grads]
        for p, x in zip(params, grads):
            p.grad = x.clone()
        clip_grad_value_(params, value)
        out.append({"grads": [encode(x) for x in grads], "clipValue": value, "clipped": [encode(p.grad) for p in params]})
    return out


def averaging(steps=6):
    swa, ema = optim.swa_utils, {"decay": 0.9}
    functions = {
        "swa": ({}, {"multi_avg_fn": swa.get_swa_multi_avg_fn()}),
        "ema": ({"avg_fn": swa.get_ema_avg_fn(**ema)}, {"multi_avg_fn": swa.get_ema_multi_avg_fn(**ema)}),
    }
    out = []
    for average, multi, use_buffers in itertools.product(functions, (False, True), (False, True)):
        if average == "swa" and multi and use_buffers:
            continue  # PyTorch refuses to divide the integer buffer
        g = torch.Generator().manual_seed(2)
        model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        averaged = swa.AveragedModel(model, use_buffers=use_buffers, **functions[average][multi])
        states, results = [], []
        for step in range(steps):
            with torch.no_grad():
                for t in (*model.parameters(), *model.buffers()):
                    t.copy_(torch.tensor(step * 7) if t.dtype == torch.long else rounded(g, *t.shape))
            states.append([encode(t) for t in (*model.parameters(), *model.buffers())])
            averaged.update_parameters(model)
            results.append({k: encode(v) for k, v in averaged.state_dict().items()})
        out.append({"name": f"{average}, multi {multi}, buffers {use_buffers}", "average": average, "multi": multi, "useBuffers": use_buffers,
                    "states": states, "averaged": results})  # fmt: skip
    return out


def schedules(steps=200):
    out = []

    def add(origin, name, make, args, lr=0.1, groups=1, metrics=None, momentum=False, label=None):
        params = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr / 2**i} for i in range(groups)]
        optimizer = optim.SGD(params, lr=lr, momentum=0.9 if momentum else 0.0)
        scheduler = make(optimizer)
        read = lambda key: [Raw(repr(float(g[key]))) for g in optimizer.param_groups]  # noqa: E731
        lrs, momentums = [read("lr")], [read("momentum")]
        for i in range(steps if metrics is None else len(metrics)):
            optimizer.step()
            scheduler.step() if metrics is None else scheduler.step(metrics[i])
            lrs.append(read("lr"))
            momentums.append(read("momentum"))
        entry = {"name": label or f"{name} {args}", "from": origin, "schedule": name, "args": args, "lr": lr, "groups": groups}
        entry["lrs"] = [x[0] for x in lrs] if groups == 1 else lrs
        if momentum:
            entry["momentums"] = [x[0] for x in momentums]
        if metrics is not None:
            entry["metrics"] = metrics
        out.append(entry)

    def torch_schedule(name, groups=1, metrics=None, momentum=False, lr=0.1, **args):
        make = lambda o: getattr(optim.swa_utils if name == "SWALR" else optim.lr_scheduler, name)(o, **args)  # noqa: E731
        add("torch", name, make, camel(args), lr, groups, metrics, momentum)

    torch_schedule("StepLR", step_size=7, gamma=0.5)
    torch_schedule("StepLR", groups=2, step_size=20)
    torch_schedule("MultiStepLR", milestones=[5, 17, 17, 40], gamma=0.3)
    torch_schedule("ExponentialLR", gamma=0.9)
    torch_schedule("CosineAnnealingLR", T_max=25)
    torch_schedule("CosineAnnealingLR", T_max=60, eta_min=0.01, groups=2)
    torch_schedule("CosineAnnealingWarmRestarts", T_0=9, T_mult=2, eta_min=0.001)
    torch_schedule("LinearLR", start_factor=0.25, end_factor=0.5, total_iters=12)
    torch_schedule("ConstantLR", factor=0.5, total_iters=6)
    torch_schedule("PolynomialLR", total_iters=40, power=2.0)
    torch_schedule("OneCycleLR", max_lr=0.3, total_steps=201, momentum=True)
    torch_schedule("OneCycleLR", max_lr=0.3, epochs=29, steps_per_epoch=7, pct_start=0.2, anneal_strategy="linear", three_phase=True, momentum=True)
    torch_schedule("CyclicLR", base_lr=0.01, max_lr=0.2, step_size_up=8, step_size_down=5, momentum=True)
    torch_schedule("CyclicLR", base_lr=0.01, max_lr=0.2, step_size_up=6, mode="exp_range", gamma=0.98, cycle_momentum=False)
    torch_schedule("CyclicLR", base_lr=0.01, max_lr=0.2, step_size_up=6, mode="triangular2", cycle_momentum=False)
    torch_schedule("SWALR", swa_lr=0.05)
    torch_schedule("SWALR", swa_lr=[0.5, 0.001], anneal_epochs=7, anneal_strategy="linear", groups=2)
    torch_schedule("SWALR", swa_lr=0.02, anneal_epochs=0)
    losses = [1.0, 0.9, 0.9, 0.9, 0.95, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    losses += [round(0.5 + 0.1 * math.sin(i * i), 3) for i in range(200 - len(losses))]
    torch_schedule("ReduceLROnPlateau", metrics=losses, patience=2, factor=0.5)
    torch_schedule("ReduceLROnPlateau", metrics=losses, mode="max", patience=1, factor=0.1, threshold=0.01, threshold_mode="abs", cooldown=2, min_lr=0.001)
    S = optim.lr_scheduler
    add("torch", "LambdaLR", lambda o: S.LambdaLR(o, lambda step: 0.95**step), {"lambda": "(step) => 0.95 ** step"})
    add("torch", "MultiplicativeLR", lambda o: S.MultiplicativeLR(o, lambda step: 0.95), {"lambda": "() => 0.95"})
    add("torch", "SequentialLR", lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.1, 5), S.ExponentialLR(o, 0.9)], [5]),
        {"schedules": [["ConstantLR", {"factor": 0.1, "totalIters": 5}], ["ExponentialLR", {"gamma": 0.9}]], "milestones": [5]})  # fmt: skip
    add("torch", "SequentialLR", lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, 1.0, 10), S.CosineAnnealingLR(o, 50)], [10]),
        {"schedules": [["LinearLR", {"startFactor": 0.1, "endFactor": 1.0, "totalIters": 10}], ["CosineAnnealingLR", {"TMax": 50}]], "milestones": [10]})  # fmt: skip
    add("torch", "ChainedScheduler", lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.1, 5), S.ExponentialLR(o, 0.9)]),
        {"schedules": [["ConstantLR", {"factor": 0.1, "totalIters": 5}], ["ExponentialLR", {"gamma": 0.9}]]})  # fmt: skip

    def hf(name, args, lr=5e-5, **specific):
        keywords = {k: v for k, v in args.items()}
        make = lambda o: transformers.get_scheduler(name, o, scheduler_specific_kwargs=specific or None, **keywords)  # noqa: E731
        add("transformers", name, make, camel(args | specific), lr)

    whole = {"num_warmup_steps": 20, "num_training_steps": 190}
    hf("linear", whole)
    hf("linear", {"num_warmup_steps": 0, "num_training_steps": 200}, lr=0.001)
    hf("cosine", whole)
    hf("cosine", whole, num_cycles=1.5)
    hf("cosine_with_restarts", whole, num_cycles=3)
    hf("polynomial", whole, power=2.0, lr_end=1e-6)
    hf("constant", {})
    hf("constant_with_warmup", {"num_warmup_steps": 10})
    hf("inverse_sqrt", {"num_warmup_steps": 10})
    hf("inverse_sqrt", {"num_warmup_steps": 5}, timescale=20)
    hf("cosine_with_min_lr", whole, min_lr=1e-5)
    hf("cosine_with_min_lr", whole, min_lr_rate=0.1)
    hf("cosine_warmup_with_min_lr", whole, min_lr_rate=0.1)
    hf("cosine_warmup_with_min_lr", whole, min_lr=1e-6, warmup_lr_rate=0.2)
    hf("warmup_stable_decay", {"num_warmup_steps": 6, "num_training_steps": 200}, num_decay_steps=60)
    hf("warmup_stable_decay", {"num_warmup_steps": 6, "num_training_steps": 200}, num_decay_steps=60, min_lr_ratio=0.1, warmup_type="cosine", decay_type="1-sqrt")
    return out


if __name__ == "__main__":
    torch.set_num_threads(1)
    params, grads = problem()
    write("optim", "problem", {"params": [encode(p) for p in params], "grads": [[None if x is None else encode(x) for x in step] for step in grads]})
    write("optim", "optimizers", optimizers())
    write("optim", "lbfgs", lbfgs())
    torch.save(STATES, FIXTURES / "optim" / "states.pt")
    write("optim", "bn", batch_norms())
    write("optim", "clip", clips())
    write("optim", "averaging", averaging())
    write("optim", "schedules", schedules())
