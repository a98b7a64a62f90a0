"""How an architecture declares that it is a rate network, for matrix analyses and local learning rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from torch import Tensor

from rnnbench.plugin.interfaces import Architecture, Weights

DECLARED = ("phi", "recurrent", "current")
DYNAMICS = ("step", "readout")


class RateNetwork(Protocol):
    """A network whose state h obeys dh/dt = -h + W phi(h) + I(x), with the output z = W_out phi(h).

    An architecture declares that it is a rate network by defining the three members below. Nothing is guessed from the
    names of its fields or weights, and `rnnbench check` compares the members with its `step`. An architecture with a
    connectivity W but other dynamics defines `recurrent` alone.

    Source: Schuessler et al., NeurIPS 2020, eq. 1.
    """

    @property
    def phi(self) -> Callable[[Tensor], Tensor]:
        """Elementwise function that gives the rates of the states h; the `NONLINEARITIES` also have their slope."""

    def recurrent(self, weights: Weights) -> Tensor:
        """The connectivity W of one network, as a differentiable function of its weights.

        Args:
            weights: weights by name; they may have a leading [network] axis.

        Returns:
            W [unit, unit], with a leading [network] axis if the weights have one.
        """

    def current(self, weights: Weights, inputs: Tensor) -> Tensor:
        """The current I(x) from a constant input and from biases into the units of one network.

        Args:
            weights: weights of one network by name.
            inputs: constant input x [input].

        Returns:
            I(x) [unit].
        """


def as_rate_network(architecture: Architecture) -> RateNetwork | None:
    """The architecture if it declares that it is a rate network, otherwise None.

    A class that inherits the declaration but overrides `step` or `readout` has other dynamics. It is a rate network
    only if it defines the three members again.
    """
    if not all(hasattr(type(architecture), name) for name in DECLARED):
        return None
    declared = max(_depth(architecture, name) for name in DECLARED)
    if any(_depth(architecture, name) < declared for name in DYNAMICS):
        return None
    return cast(RateNetwork, architecture)


def connectivity_of(architecture: Architecture) -> Callable[[Weights], Tensor] | None:
    """The method `recurrent` of an architecture that declares a connectivity W, whatever its dynamics; or None."""
    recurrent: Callable[[Weights], Tensor] | None = getattr(architecture, "recurrent", None)
    return recurrent if callable(recurrent) else None


def _depth(architecture: Architecture, name: str) -> int:
    """How many classes above the architecture's own class (0) a member is defined, in the method resolution order."""
    return next(depth for depth, cls in enumerate(type(architecture).__mro__) if name in vars(cls))
