"""PyTorch's public names by module, for docs/pytorch.md: .venv/bin/python scripts/goldens/public_names.py"""

import inspect

import torch
import torch.nn.functional as F
import torch.optim.lr_scheduler as lr_scheduler
import torch.utils.data

from common import write


def functions(module, only=None):
    names = [n for n in (only or dir(module)) if not n.startswith("_")]
    return sorted(n for n in names if callable(getattr(module, n, None)) and not inspect.isclass(getattr(module, n)) and not inspect.ismodule(getattr(module, n)))


def classes(module, base=None):
    found = [n for n in dir(module) if not n.startswith("_") and inspect.isclass(getattr(module, n))]
    return sorted(n for n in found if base is None or issubclass(getattr(module, n), base))


tensor = sorted(n for n in dir(torch.Tensor) if not n.startswith("_"))
write("pytorch", "names", {
    "torch.Tensor": [n for n in tensor],
    "torch": functions(torch, [n for n in torch.__all__]),
    "torch.linalg": functions(torch.linalg),
    "torch.nn": classes(torch.nn, torch.nn.Module),
    "torch.nn.functional": [n for n in functions(F) if not n.startswith("boolean_dispatch") and n not in ("handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic", "assert_int_or_pair")],
    "torch.nn.init": [n for n in functions(torch.nn.init) if n.endswith("_") or n == "calculate_gain"],
    "torch.optim": classes(torch.optim, torch.optim.Optimizer),
    "torch.optim.lr_scheduler": classes(lr_scheduler, (lr_scheduler.LRScheduler, lr_scheduler.ReduceLROnPlateau)),
    "torch.utils.data": [n for n in torch.utils.data.__all__ if inspect.isclass(getattr(torch.utils.data, n)) or n in ("random_split", "default_collate")],
})  # fmt: skip
