"""What an architecture declares so that matrix analyses and local rules may take it for a rate network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from torch import Tensor

from rnnbench.plugin.interfaces import Architecture, Weights

DECLARED = ("phi", "recurrent", "current")
DYNAMICS = ("step", "readout")


class RateNetwork(Protocol):
    """A network whose state h obeys dh/dt = -h + W phi(h) + I(x), with the output z = W_out phi(h).

    An architecture declares that it is one by having these three members; nothing is guessed from the names of its
    fields or weights, and `rnnbench check` compares them with its `step`. An architecture with a connectivity W but
    other dynamics declares `recurrent` alone.

    Source: Schuessler et al., NeurIPS 2020, eq. 1.
    """

    @property
    def phi(self) -> Callable[[Tensor], Tensor]:
        """The rate phi(h) of each unit, elementwise. One of `NONLINEARITIES` also knows its slope."""

    def recurrent(self, weights: Weights) -> Tensor:
        """The connectivity W [unit, unit] of one network, differentiable; a leading [network] axis is kept."""

    def current(self, weights: Weights, inputs: Tensor) -> Tensor:
        """The current I(x) [unit] that a constant input x [input] and biases drive into the units of one network."""


def as_rate_network(architecture: Architecture) -> RateNetwork | None:
    """The architecture, if it declares that it is a rate network; else None.

    A class that inherits the declaration and replaces `step` or `readout` has other dynamics: it must declare anew.
    """
    if not all(hasattr(type(architecture), name) for name in DECLARED):
        return None
    declared = min(_depth(architecture, name) for name in DECLARED)
    if any(_depth(architecture, name) < declared for name in DYNAMICS):
        return None
    return cast(RateNetwork, architecture)


def connectivity_of(architecture: Architecture) -> Callable[[Weights], Tensor] | None:
    """`recurrent` of an architecture that declares a connectivity W, whatever its dynamics; else None."""
    recurrent: Callable[[Weights], Tensor] | None = getattr(architecture, "recurrent", None)
    return recurrent if callable(recurrent) else None


def _depth(architecture: Architecture, name: str) -> int:
    """How far up among the classes of an architecture a member is defined; 0 is its own class."""
    return next(depth for depth, cls in enumerate(type(architecture).__mro__) if name in vars(cls))
