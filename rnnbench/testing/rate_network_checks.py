"""Checks of what an architecture declares of itself: a connectivity, and that it is a rate network."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import ValidationError

from rnnbench.plugin.interfaces import Architecture
from rnnbench.plugin.rate_network import as_rate_network, connectivity_of
from rnnbench.randomness import rng_for
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Check, Failed, Skipped

UNITS = 16
"""Units of the networks, unless their number was chosen."""

CHANNELS = 2
"""Number of inputs and of outputs; every architecture accepts equal numbers."""


def small(architecture: Architecture) -> Architecture:
    """The architecture with few units, unless their number was chosen by the user or is refused."""
    if "units" in architecture.model_fields_set:
        return architecture
    try:
        return any_plugin.changed(architecture, units=UNITS)
    except ValidationError:
        return architecture


def connectivity(architecture: Architecture) -> str:
    """A connectivity that it declares is a matrix [unit, unit], differentiable, also of a whole population.

    Raises:
        Skipped: it declares none.
    """
    network = small(architecture)
    if (recurrent := connectivity_of(network)) is None:
        raise Skipped("it has no method recurrent(weights)")
    arrays = network.init(rng_for(0, "check"), CHANNELS, CHANNELS)
    weights = {name: torch.tensor(w).requires_grad_() for name, w in arrays.items()}
    w, n = recurrent(weights), network.units
    if not isinstance(w, torch.Tensor) or tuple(w.shape) != (n, n):
        found = f"shape {tuple(w.shape)}" if isinstance(w, torch.Tensor) else type(w).__name__
        raise Failed(f"recurrent() returns {found}; expected a tensor [unit, unit] = ({n}, {n})")
    if not w.requires_grad:
        raise Failed("recurrent() returns a matrix that does not depend on the weights for autograd; do not detach it")
    both = recurrent({name: torch.stack([a, a]) for name, a in weights.items()})
    if tuple(both.shape) != (2, n, n) or not torch.equal(both[1], w):
        raise Failed(f"recurrent() of two networks returns {tuple(both.shape)}; expected [network, unit, unit]")
    return f"W [{n}, {n}]"


def rate_network(architecture: Architecture) -> str:
    """If it declares that it is a rate network, its steps and readout are those of one.

    Raises:
        Skipped: it declares nothing.
    """
    network = small(architecture)
    if (declared := as_rate_network(network)) is None:
        raise Skipped("it does not declare phi, recurrent and current; analyses take its state for its rates")
    arrays = network.init(rng_for(0, "check"), CHANNELS, CHANNELS)
    weights = {name: torch.tensor(w) for name, w in arrays.items()}
    rng = np.random.default_rng(0)
    h, x = (torch.tensor(rng.standard_normal(shape)) for shape in ((4, network.units), (CHANNELS,)))
    xi = torch.zeros(4, network.n_noise, dtype=torch.float64) if network.n_noise else None
    after = network.step(weights, h, x.expand(4, -1), xi)
    rates, w, current = declared.phi(h), declared.recurrent(weights), declared.current(weights, x)
    if tuple(current.shape) != (network.units,):
        raise Failed(f"current() returns shape {tuple(current.shape)}; expected [unit] = ({network.units},)")
    expected = h + network.dt * (-h + rates @ w.mT + current)
    _close("step()", after, expected, "h + dt (-h + W phi(h) + I(x))")
    # The readout depends on the rates alone and linearly: it is known from as many states as there are units.
    many = torch.tensor(rng.standard_normal((2 * network.units, network.units)))
    w_out = torch.linalg.lstsq(declared.phi(many), network.readout(weights, many)).solution
    _close("readout()", network.readout(weights, h), rates @ w_out, "W_out phi(h)")
    return "h + dt (-h + W phi(h) + I(x)), W_out phi(h)"


def _close(what: str, found: torch.Tensor, expected: torch.Tensor, equation: str) -> None:
    error = float((found - expected).abs().max() / (1 + expected.abs().max()))
    if not error < 1e-6:
        raise Failed(f"{what} differs from {equation} by {error:.1g}; declare phi, recurrent and current as they are")


RATE_NETWORK_CHECKS: tuple[Check, ...] = (connectivity, rate_network)
