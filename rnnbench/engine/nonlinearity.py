"""The nonlinearities phi of rate RNNs and their slopes, as functions and as in-place operations.

The in-place operations are fused, since a small network spends half of its time in them.
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
    """A nonlinearity phi and its slope phi'.

    Attributes:
        value: h -> phi(h), a new array; differentiable by autograd.
        slope: h -> phi'(h), a new array.
        apply: (h, r) -> None; writes phi(h) into r.
        scale: (e, h, r) -> None; multiplies e by phi'(h) in place, using r = phi(h) where that is enough.
        needs_h: whether `scale` reads h, which the engine then keeps for the backward pass.
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    apply: Callable[[Tensor, Tensor], object]
    scale: Callable[[Tensor, Tensor, Tensor], object]
    needs_h: bool = False

    def __call__(self, h: Tensor) -> Tensor:
        """phi(h), a new array."""
        return self.value(h)


def _scale_tanh(e: Tensor, h: Tensor, r: Tensor) -> None:
    aten.tanh_backward.grad_input(e, r, grad_input=e)  # e (1 - r^2)


def _scale_relu(e: Tensor, h: Tensor, r: Tensor) -> None:
    aten.threshold_backward.grad_input(e, r, 0, grad_input=e)  # e where r > 0


def _apply_softplus(h: Tensor, r: Tensor) -> None:
    aten.softplus.out(h, 1.0, 30.0, out=r)  # log(1 + exp h); linear above 30, which is exact in float64


def _scale_softplus(e: Tensor, h: Tensor, r: Tensor) -> None:
    e.mul_(-torch.expm1(-r))  # phi' = 1 - exp(-phi)


def _apply_erf(h: Tensor, r: Tensor) -> None:
    torch.mul(h, math.sqrt(math.pi) / 2, out=r).erf_()  # phi(h) = erf(sqrt(pi) h / 2), slope 1 at 0


def _scale_erf(e: Tensor, h: Tensor, r: Tensor) -> None:
    e.mul_(torch.exp(h.square().mul_(-math.pi / 4)))


def _scale_identity(e: Tensor, h: Tensor, r: Tensor) -> None:
    return


def _tanh_slope(h: Tensor) -> Tensor:
    return torch.tanh(h).square_().neg_().add_(1)


def _relu_slope(h: Tensor) -> Tensor:
    return (h > 0).to(h.dtype)


def _softplus(h: Tensor) -> Tensor:
    return torch.nn.functional.softplus(h, threshold=30)


def _erf(h: Tensor) -> Tensor:
    return torch.erf(math.sqrt(math.pi) / 2 * h)


def _erf_slope(h: Tensor) -> Tensor:
    return h.square().mul_(-math.pi / 4).exp_()


def _apply_tanh(h: Tensor, r: Tensor) -> None:
    torch.tanh(h, out=r)


def _apply_relu(h: Tensor, r: Tensor) -> None:
    torch.clamp(h, min=0, out=r)


def _apply_identity(h: Tensor, r: Tensor) -> None:
    r.copy_(h)


NONLINEARITIES: dict[str, Nonlinearity] = {
    "tanh": Nonlinearity(torch.tanh, _tanh_slope, _apply_tanh, _scale_tanh),
    "relu": Nonlinearity(torch.relu, _relu_slope, _apply_relu, _scale_relu),
    "softplus": Nonlinearity(_softplus, torch.sigmoid, _apply_softplus, _scale_softplus),
    "erf": Nonlinearity(_erf, _erf_slope, _apply_erf, _scale_erf, needs_h=True),
    "identity": Nonlinearity(torch.clone, torch.ones_like, _apply_identity, _scale_identity),
}
"""Nonlinearities by name. "erf" is erf(sqrt(pi) h / 2), whose slope at 0 is 1."""
