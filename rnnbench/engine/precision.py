"""Matrix products of less than single precision, by explicit choice: what graphics cards offer as fast modes.

    tf32      operands rounded to 10 bits after the point (8 of exponent), sums in float32
    bfloat16  operands rounded to 7 bits after the point (8 of exponent), sums in float32

Everything else, states, nonlinearities, losses, weights and their updates, stays float32. A card does it in hardware
for tf32; elsewhere operands are rounded to nearest, ties to even, and then multiplied in float32, which is the same but
for the order of the sums. Sources: NVIDIA A100 whitepaper (2020); Kalamkar et al. 2019, arXiv:1905.12322.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

BITS = {"tf32": 10, "bfloat16": 7}
"""Bits after the point; float32 has 23."""

_reduced: ContextVar[bool] = ContextVar("reduced", default=False)

aten = torch.ops.aten
OPERANDS = {
    aten.mm: (0, 1),
    aten.bmm: (0, 1),
    aten.mv: (0, 1),
    aten.dot: (0, 1),
    aten.addmm: (1, 2),
    aten.baddbmm: (1, 2),
    aten.addmv: (1, 2),
}
"""Which arguments of each product are its operands."""


def is_reduced() -> bool:
    """Whether products are to be rounded: then no kernel may be used that rounds by rules of its own."""
    return _reduced.get()


@contextmanager
def products(dtype: str, device: torch.device) -> Iterator[None]:
    """Within the block matrix products are of the precision that a benchmark's dtype asks for."""
    if dtype not in BITS:
        yield
        return
    token = _reduced.set(True)
    in_hardware = dtype == "tf32" and device.type == "cuda"
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = in_hardware
    try:
        if in_hardware:
            yield
        else:
            with _Rounded(BITS[dtype]):
                yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
        _reduced.reset(token)


def rounded(x: Tensor, bits: int) -> Tensor:
    """float32 numbers to the nearest of so many bits after the point, ties to even; infinities and NaN as they are."""
    if x.dtype != torch.float32:
        return x
    low = 23 - bits
    whole = x.contiguous().view(torch.int32)
    half = ((whole >> low) & 1) + (1 << (low - 1)) - 1
    cut = ((whole + half) >> low << low).view(torch.float32)
    return torch.where(torch.isfinite(x), cut, x)


class _Rounded(TorchDispatchMode):
    """Rounds the operands of every product on its way to the arithmetic, whoever wrote it."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if places := OPERANDS.get(func.overloadpacket):
            args = tuple(rounded(a, self.bits) if k in places else a for k, a in enumerate(args))
        return func(*args, **(kwargs or {}))
