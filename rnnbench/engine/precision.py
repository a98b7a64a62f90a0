"""Matrix products in reduced precision, as graphics cards offer them in their fast modes.

    tf32      operands rounded to 10 bits after the point (8 of exponent), sums in float32
    bfloat16  operands rounded to 7 bits after the point (8 of exponent), sums in float32

Reduced precision is used only if a benchmark asks for it. States, nonlinearities, losses, weights and updates stay in
float32. Graphics cards compute tf32 in hardware. Otherwise operands are rounded to nearest, ties to even, and then
multiplied in float32; only the order of summation differs. Sources: NVIDIA A100 whitepaper (2020); Kalamkar et al.
2019, arXiv:1905.12322.
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
"""Bits after the point, by name of the precision; float32 has 23."""

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
"""Positions of the operands among the arguments of each product."""


def is_reduced() -> bool:
    """Whether products are computed in reduced precision, so that the compiled kernel must not be used."""
    return _reduced.get()


@contextmanager
def products(dtype: str, device: torch.device) -> Iterator[None]:
    """Compute matrix products within the block in the precision that a benchmark asks for.

    Args:
        dtype: `dtype` of the benchmark; anything but "tf32" and "bfloat16" has no effect.
        device: where products are computed.
    """
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
    """Round float32 numbers to the nearest with fewer bits after the point, ties to even.

    Args:
        x: numbers of any shape; returned unchanged unless they are float32.
        bits: bits to keep, below 23.

    Returns:
        An array of the same shape; infinities and NaN are unchanged.
    """
    if x.dtype != torch.float32:
        return x
    dropped = 23 - bits
    as_int = x.contiguous().view(torch.int32)
    half = ((as_int >> dropped) & 1) + (1 << (dropped - 1)) - 1
    result = ((as_int + half) >> dropped << dropped).view(torch.float32)
    return torch.where(torch.isfinite(x), result, x)


class _Rounded(TorchDispatchMode):
    """Rounds the operands of every matrix product within its block, including those in plugins."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if positions := OPERANDS.get(func.overloadpacket):
            args = tuple(rounded(a, self.bits) if k in positions else a for k, a in enumerate(args))
        return func(*args, **(kwargs or {}))
