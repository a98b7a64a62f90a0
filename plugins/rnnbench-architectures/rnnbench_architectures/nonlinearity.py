"""The nonlinearities phi of rate units, each with its slope phi'."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nonlinearity:
    """phi(h) and phi'(h), both elementwise and new arrays of the shape of h; phi can be differentiated by autograd."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]


def _erf(h: Tensor) -> Tensor:
    return torch.erf(math.sqrt(math.pi) / 2 * h)


def _erf_slope(h: Tensor) -> Tensor:
    return h.square().mul_(-math.pi / 4).exp_()


NONLINEARITIES: dict[str, Nonlinearity] = {
    "tanh": Nonlinearity(torch.tanh, lambda h: torch.tanh(h).square_().neg_().add_(1)),
    "relu": Nonlinearity(torch.relu, lambda h: (h > 0).to(h.dtype)),
    "softplus": Nonlinearity(torch.nn.functional.softplus, torch.sigmoid),
    "erf": Nonlinearity(_erf, _erf_slope),
    "identity": Nonlinearity(torch.clone, torch.ones_like),
}
