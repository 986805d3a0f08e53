"""Samples of PyTorch's own operator database, with outputs, gradients and the inputs that must fail.

    .venv/bin/python scripts/goldens/opinfo.py                       writes test/fixtures/opinfo/samples.json.gz
    .venv/bin/python scripts/goldens/opinfo.py --seed 7 --output F   another draw, for KINDLING_OPINFO=F

Each operator has, for float32 and where it knows them int64 and bool, as many of its samples as fit a budget of numbers, spread over
the whole list. A tensor is the piece of memory it lies in (little-endian, base64), with shape, strides and offset. Outputs are those
of float64 where the operator knows it, rounded; gradients are those of sum(output * weights), the weights drawn here.
"""

import argparse
import base64
import gzip
import json
import math
import pathlib
import sys
import types
import unittest

stub = types.ModuleType("expecttest")  # PyTorch's tests want it only to be there
stub.TestCase = unittest.TestCase
stub.assert_expected_inline = None
sys.modules.setdefault("expecttest", stub)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

FIXTURE = pathlib.Path(__file__).resolve().parents[2] / "test" / "fixtures" / "opinfo" / "samples.json.gz"

NAMES = """
mm bmm addmm baddbmm addbmm addmv mv dot vdot outer addr matmul einsum inner tensordot kron nn.functional.linear nn.functional.bilinear
linalg.multi_dot linalg.matrix_power linalg.vecdot __rmatmul__
add sub rsub mul div.no_rounding_mode div.trunc_rounding div.floor_rounding true_divide floor_divide remainder fmod neg positive abs pow float_power
sqrt rsqrt reciprocal square exp exp2 expm1 log log1p log2 log10 sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh atan2 sigmoid logit erf erfc
floor ceil round round.decimals_3 trunc frac sign sgn signbit clamp clamp_min clamp_max addcmul addcdiv lerp where masked_fill xlogy maximum minimum max.binary min.binary fmax fmin
eq ne lt le gt ge isclose isnan isinf isfinite isposinf isneginf bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift
logical_and logical_or logical_xor logical_not logaddexp hypot heaviside copysign nan_to_num deg2rad rad2deg
__radd__ __rsub__ __rmul__ __rdiv__ __rpow__ __rmod__ __rand__ __ror__ __rxor__
nn.functional.relu nn.functional.relu6 nn.functional.gelu nn.functional.silu nn.functional.leaky_relu nn.functional.elu nn.functional.selu nn.functional.celu
nn.functional.glu nn.functional.mish nn.functional.prelu nn.functional.hardswish nn.functional.hardsigmoid nn.functional.hardtanh nn.functional.softplus
nn.functional.softsign nn.functional.softshrink nn.functional.hardshrink nn.functional.tanhshrink nn.functional.threshold nn.functional.logsigmoid
sum mean amax amin aminmax max.reduction_with_dim max.reduction_no_dim min.reduction_with_dim min.reduction_no_dim argmax argmin prod all any var std var.unbiased std.unbiased
var_mean std_mean logsumexp norm norm.fro norm.inf linalg.vector_norm linalg.norm linalg.matrix_norm cumsum cumprod cummax cummin logcumsumexp count_nonzero nansum nanmean median mode quantile dist trace
view reshape as_strided expand permute transpose t squeeze squeeze.multiple unsqueeze flatten unflatten ravel select slice split split.list_args split_with_sizes chunk tensor_split unbind
cat stack hstack vstack dstack repeat repeat_interleave tile flip fliplr flipud roll rot90 tril triu narrow diagonal diag diag_embed unfold movedim broadcast_to broadcast_tensors
meshgrid.variadic_tensors contiguous clone view_as reshape_as expand_as atleast_1d atleast_2d atleast_3d T mT
nn.functional.pad.constant nn.functional.pad.reflect nn.functional.pad.replicate nn.functional.pad.circular
index_select gather scatter scatter_add scatter_reduce.sum scatter_reduce.mean scatter_reduce.prod scatter_reduce.amax scatter_reduce.amin index_put index_add index_copy index_fill
masked_select masked_scatter nonzero argwhere take take_along_dim put nn.functional.embedding nn.functional.embedding_bag nn.functional.one_hot bincount searchsorted bucketize isin unique unique_consecutive __getitem__
sort argsort topk msort kthvalue
softmax softmax.with_dtype log_softmax log_softmax.with_dtype nn.functional.softmin nn.functional.layer_norm native_layer_norm nn.functional.rms_norm nn.functional.batch_norm nn.functional.group_norm
nn.functional.instance_norm nn.functional.normalize nn.functional.cosine_similarity nn.functional.pairwise_distance cdist
nn.functional.cross_entropy nn.functional.nll_loss nn.functional.binary_cross_entropy nn.functional.binary_cross_entropy_with_logits nn.functional.mse_loss nn.functional.l1_loss
nn.functional.smooth_l1_loss nn.functional.huber_loss nn.functional.kl_div nn.functional.cosine_embedding_loss nn.functional.margin_ranking_loss nn.functional.triplet_margin_loss
nn.functional.hinge_embedding_loss nn.functional.multilabel_soft_margin_loss nn.functional.gaussian_nll_loss nn.functional.soft_margin_loss nn.functional.poisson_nll_loss nn.functional.multi_margin_loss
nn.functional.conv1d nn.functional.conv2d nn.functional.conv_transpose1d nn.functional.max_pool1d nn.functional.max_pool2d nn.functional.avg_pool1d nn.functional.avg_pool2d
nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d nn.functional.adaptive_max_pool1d nn.functional.scaled_dot_product_attention
empty_like zeros_like ones_like full_like new_zeros new_ones new_full zeros ones full arange linspace eye tril_indices triu_indices to float double half bfloat16 int long short char byte bool
cholesky linalg.cholesky linalg.qr linalg.svd linalg.svdvals linalg.inv linalg.det linalg.slogdet linalg.solve linalg.solve_triangular
logdet linalg.eigh linalg.eigvalsh linalg.pinv linalg.lstsq linalg.lstsq.grad_oriented linalg.cond linalg.matrix_rank linalg.tensorsolve
round.decimals_0 round.decimals_neg_3 nn.functional.adaptive_max_pool2d nn.functional.conv_transpose2d nn.functional.multilabel_margin_loss nn.functional.ctc_loss
""".split()

# Vectors whose sign is free: what their samples make of them is compared, which no sign changes.
PROCESSED = {"linalg.svd", "linalg.eigh"}

DTYPES = [torch.float32, torch.int64, torch.bool]
BUDGET = {torch.float32: 1800, torch.int64: 500, torch.bool: 250}
MOST = {torch.float32: 24, torch.int64: 8, torch.bool: 5}


def encode_tensor(t):
    t = t.detach()
    dtype = str(t.dtype).removeprefix("torch.")
    if t.numel() == 0:
        return {"t": dtype, "shape": list(t.shape), "strides": list(t.stride()), "offset": 0, "data": ""}
    if t.dtype == torch.bfloat16:
        t = t.view(torch.int16)
    span = 1 + sum((size - 1) * stride for size, stride in zip(t.shape, t.stride()))
    piece = torch.as_strided(t, (span,), (1,), t.storage_offset()).numpy()
    return {"t": dtype, "shape": list(t.shape), "strides": list(t.stride()), "offset": 0, "data": base64.b64encode(piece.tobytes()).decode()}


class Unsayable(Exception):
    pass


def encode(value):
    if isinstance(value, torch.Tensor):
        if value.is_complex() or value.is_sparse or value.dtype in (torch.uint16, torch.uint32, torch.uint64):
            raise Unsayable(f"a tensor of {value.dtype}")
        return encode_tensor(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) > 2**53:
            raise Unsayable("an integer beyond 2^53")
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, complex):
        raise Unsayable("a complex number")
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, slice):
        return {"slice": [encode(value.start), encode(value.stop), encode(value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, (list, tuple, torch.Size)):
        return [encode(v) for v in value]
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, (torch.device, torch.layout, torch.memory_format)):
        return {"torch": str(value)}
    raise Unsayable(type(value).__name__)


def tensors_in(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from tensors_in(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from tensors_in(v)


def numbers_of(*values):
    return sum(t.numel() for v in values for t in tensors_in(v))


def outputs_of(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [o for v in value for o in outputs_of(v)]
    return [value]


def as_double(value):
    if isinstance(value, torch.Tensor):
        if value.dtype != torch.float32:
            return value
        double = torch.empty_strided(value.shape, value.stride(), dtype=torch.float64)
        return double.copy_(value.detach()).requires_grad_(value.requires_grad)
    if isinstance(value, (list, tuple)):
        return type(value)(as_double(v) for v in value) if not hasattr(value, "_fields") else type(value)(*map(as_double, value))
    if isinstance(value, dict):
        return {k: as_double(v) for k, v in value.items()}
    return value


def evaluate(op, sample, weights_from):
    """Outputs and gradients; of float64 rounded where the operator knows it, so that they are better than what is compared with them."""
    if op.name == "empty_like":  # whose content is whatever the memory held
        return [torch.zeros_like(op.op(sample.input, *sample.args, **sample.kwargs))], None, None
    fn = (lambda *a, **k: sample.output_process_fn_grad(op.op(*a, **k))) if op.name in PROCESSED else op.op
    args, kwargs = (sample.input, *sample.args), sample.kwargs
    exact = torch.float64 in op.dtypes and not any(isinstance(v, torch.dtype) for v in kwargs.values())
    for use_double in ([True, False] if exact else [False]):
        a, k = (as_double(args), as_double(kwargs)) if use_double else (args, kwargs)
        try:
            out = fn(*a, **k)
            break
        except Exception:
            if not use_double:
                raise
    outs = outputs_of(out)
    leaves = [t for t in tensors_in((a, k)) if t.requires_grad]
    given = [t for t in tensors_in((args, kwargs)) if t.requires_grad]
    grads = weights = None
    differentiable = [i for i, o in enumerate(outs) if isinstance(o, torch.Tensor) and o.requires_grad and o.is_floating_point()]
    if leaves and differentiable:
        weights = [torch.rand(o.shape, generator=weights_from, dtype=torch.float32) + 0.5 if i in differentiable else None for i, o in enumerate(outs)]
        total = sum((outs[i] * weights[i].to(outs[i].dtype)).sum() for i in differentiable)
        grads = torch.autograd.grad(total, leaves, allow_unused=True)
    reference_dtypes = [o.dtype for o in outputs_of(fn(*args, **kwargs)) if isinstance(o, torch.Tensor)]
    rounded = []
    at = 0
    for o in outs:
        if isinstance(o, torch.Tensor):
            rounded.append(o.detach().to(reference_dtypes[at]).contiguous())
            at += 1
        else:
            rounded.append(o)
    grads = None if grads is None else [None if g is None else g.detach().to(t.dtype).contiguous() for g, t in zip(grads, given)]
    return rounded, weights, grads


def encode_sample(op, sample, generator):
    outs, weights, grads = evaluate(op, sample, generator)
    entry = {"args": encode([sample.input, *sample.args]), "kwargs": {k: encode(v) for k, v in sample.kwargs.items()}, "out": [encode(o) for o in outs]}
    if op.name in PROCESSED:
        entry["kwargs"]["process"] = sample.output_process_fn_grad.__name__
    if grads is not None:
        entry["wants"] = [i for i, t in enumerate(tensors_in(([sample.input, *sample.args], sample.kwargs))) if t.requires_grad]
        entry["weights"] = [encode(w) for w in weights]
        entry["grads"] = [encode(g) for g in grads]
    return entry


def spread(samples, budget, most):
    """The first sample and others at even distances, as long as the numbers fit; where none does, the smallest."""
    small = [s for s in samples if numbers_of([s.input, *s.args], s.kwargs) <= budget // 2]
    if not small:
        return sorted(samples, key=lambda s: numbers_of([s.input, *s.args], s.kwargs))[:1]
    step = max(1, len(small) / most)
    chosen, used = [], 0
    for i in range(min(most, len(small))):
        s = small[int(i * step)]
        n = numbers_of([s.input, *s.args], s.kwargs)
        if used + 2 * n > budget:
            continue
        used += 2 * n
        chosen.append(s)
    return chosen


def entries_of(op, seed, generator):
    for dtype in DTYPES:
        if dtype not in op.dtypes:
            continue
        wants_grad = dtype == torch.float32 and op.supports_autograd
        torch.manual_seed(seed)
        try:
            samples = list(op.sample_inputs("cpu", dtype, requires_grad=wants_grad))
        except Exception as error:  # noqa: BLE001
            print(f"  {op.name}: no samples of {dtype}: {error}", file=sys.stderr)
            continue
        for sample in spread(samples, BUDGET[dtype], MOST[dtype]):
            try:
                entry = encode_sample(op, sample, generator)
            except Unsayable as error:
                print(f"  {op.name}: {error}", file=sys.stderr)
                continue
            except Exception as error:  # noqa: BLE001
                print(f"  {op.name}: {type(error).__name__} {str(error)[:100]}", file=sys.stderr)
                continue
            yield {"dtype": str(dtype).removeprefix("torch."), **entry}


def errors_of(op):
    if op.error_inputs_func is None:
        return
    try:
        errors = list(op.error_inputs("cpu"))
    except Exception:  # noqa: BLE001
        return
    for error in errors[:12]:
        sample = error.sample_input
        if numbers_of([sample.input, *sample.args], sample.kwargs) > 400:
            continue
        if "invalid combination of arguments" in str(error.error_regex):
            continue  # whole floats are integers in JavaScript
        try:
            yield {"args": encode([sample.input, *sample.args]), "kwargs": {k: encode(v) for k, v in sample.kwargs.items()}, "error": str(error.error_regex)}
        except Unsayable:
            continue


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path, default=FIXTURE)
    options = parser.parse_args()
    by_name = {}
    for op in op_db:
        by_name[op.name + ("." + op.variant_test_name if op.variant_test_name else "")] = op
    generator = torch.Generator().manual_seed(options.seed)
    result = {}
    for name in NAMES:
        op = by_name[name]
        result[name] = {"samples": list(entries_of(op, options.seed, generator)), "errors": list(errors_of(op))}
    text = json.dumps(result, separators=(",", ":"))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    count = sum(len(r["samples"]) for r in result.values())
    errors = sum(len(r["errors"]) for r in result.values())
    print(f"{len(result)} operators, {count} samples, {errors} errors: {options.output.stat().st_size} bytes")


main()
