"""The nonlinearities phi of rate RNNs, each with what its backward pass needs.

`apply` writes phi(h) into `r`; `scale` multiplies a gradient by phi'(h) in place, from r = phi(h)
where that is enough, else from h. In-place and fused, since half the time of a small network goes here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

aten = torch.ops.aten


@dataclass(frozen=True)
class Nonlinearity:
    """phi, in place.

    apply       (h, r): r <- phi(h)
    scale       (e, h, r): e <- e phi'(h)
    needs_h     whether `scale` reads h (then the engine keeps it through the backward pass)
    """

    apply: Callable[[Tensor, Tensor], object]
    scale: Callable[[Tensor, Tensor, Tensor], object]
    needs_h: bool = False


def _scale_tanh(e: Tensor, h: Tensor, r: Tensor) -> None:
    aten.tanh_backward.grad_input(e, r, grad_input=e)  # e (1 - r^2)


def _scale_relu(e: Tensor, h: Tensor, r: Tensor) -> None:
    aten.threshold_backward.grad_input(e, r, 0, grad_input=e)  # e where r > 0


def _apply_softplus(h: Tensor, r: Tensor) -> None:
    aten.softplus.out(h, 1.0, 30.0, out=r)  # log(1 + exp h); linear above 30, where float64 sees no difference


def _scale_softplus(e: Tensor, h: Tensor, r: Tensor) -> None:
    e.mul_(-torch.expm1(-r))  # phi' = 1 - exp(-phi)


def _apply_erf(h: Tensor, r: Tensor) -> None:
    torch.mul(h, math.sqrt(math.pi) / 2, out=r).erf_()  # phi(h) = erf(sqrt(pi) h / 2), slope 1 at 0


def _scale_erf(e: Tensor, h: Tensor, r: Tensor) -> None:
    e.mul_(torch.exp(h.square().mul_(-math.pi / 4)))


def _scale_identity(e: Tensor, h: Tensor, r: Tensor) -> None:
    return


NONLINEARITIES: dict[str, Nonlinearity] = {
    "tanh": Nonlinearity(lambda h, r: torch.tanh(h, out=r), _scale_tanh),
    "relu": Nonlinearity(lambda h, r: torch.clamp(h, min=0, out=r), _scale_relu),
    "softplus": Nonlinearity(_apply_softplus, _scale_softplus),
    "erf": Nonlinearity(_apply_erf, _scale_erf, needs_h=True),
    "identity": Nonlinearity(lambda h, r: r.copy_(h), _scale_identity),
}
