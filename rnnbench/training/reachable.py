"""A lower bound of the loss that a rate network with bounded rates can reach if its readout is not trained.

With |phi| <= 1 the outputs z = W phi(h) at one moment are in {W r : |r_i| <= 1}, whatever the other weights are. So
for every vector v with one number per output, |v . z| <= sum_i |(v W)_i|. By the inequality of Cauchy and Schwarz, the
squared error for a target y and a mask m is

    sum_k m_k (z_k - y_k)^2  >=  max(0, |v . y| - sum_i |(v W)_i|)^2 / sum_k (v_k^2 / m_k).

With one output this is m (|y| - sum_i |W_i|)^2. With several it is exact for v_k = m_k (y_k - z_k) at the outputs z
nearest to y. These are computed for some of the targets, and every target uses the best of the vectors found. So the
bound holds for every target, and it is tight for those some.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from rnnbench.plugin.interfaces import Architecture, Weights
from rnnbench.plugin.rate_network import RateNetwork, as_rate_network

SEARCHED = 32
"""Largest number of targets whose nearest outputs are computed."""

LOOKED_AT = 2000
"""Number of moments of the trials from which these targets are chosen."""

ITERATIONS = 300
"""Iterations of the search for the nearest outputs; fewer make the bound lower, never wrong."""

STATES = 8
"""Number of random states in which a readout is compared with W phi(h)."""

ROUNDING = 1e-6
"""Largest difference allowed in this comparison, relative to the largest output (computed in float64)."""


@dataclass(frozen=True)
class Floor:
    """What a readout that is not trained cannot do on the trials of a task.

    Attributes:
        loss: no network with this readout has a lower loss on these trials; 0 if all targets can be reached.
        target: largest absolute value in the target vector that is missed most.
        reached: the part of it that the nearest outputs have, target times (z . y) / (y . y).
    """

    loss: float
    target: float
    reached: float


def fixed_readout(architecture: Architecture, weights: Weights) -> np.ndarray | None:
    """The readout matrix of a network whose outputs are W phi(h) with |phi| <= 1 and a W that learning cannot change.

    Nothing is concluded from names: phi is evaluated on a grid, W is computed from derivatives of `readout`, and
    `readout` is compared with W phi(h) in random states, before and after a change of all trained weights.

    Args:
        architecture: the architecture.
        weights: weights of one network, float64.

    Returns:
        W [output, unit]; None if the architecture is not such a network.
    """
    network = as_rate_network(architecture)
    if network is None or not _is_bounded(network):
        return None
    generator = torch.Generator().manual_seed(0)  # a generator of its own, so that no other random number changes
    states = torch.randn(STATES, architecture.units, generator=generator, dtype=torch.float64)
    changed = {
        name: w + torch.randn(w.shape, generator=generator, dtype=w.dtype) if name in architecture.trained else w
        for name, w in weights.items()
    }
    matrix = _readout_matrix(architecture, network, weights, states[:1])
    expected = network.phi(states) @ matrix.mT
    largest = float(expected.abs().max())
    for each in (weights, changed):
        difference = (architecture.readout(each, states) - expected).abs().max()
        if not float(difference) <= ROUNDING * largest:  # also if it is NaN
            return None
    return matrix.numpy()


def _is_bounded(network: RateNetwork) -> bool:
    """Whether |phi| <= 1 on a grid that reaches far into saturation."""
    far = torch.logspace(1, 12, 100, dtype=torch.float64)
    grid = torch.cat([torch.linspace(-10, 10, 2001, dtype=torch.float64), far, -far])
    return bool((network.phi(grid[None]).abs() <= 1).all())


def _readout_matrix(
    architecture: Architecture, network: RateNetwork, weights: Weights, state: torch.Tensor
) -> torch.Tensor:
    """W [output, unit] from dz_k / dh_i = W_ki phi'(h_i) in one state [1, unit]."""
    with torch.enable_grad():
        h = state.clone().requires_grad_()
        (slope,) = torch.autograd.grad(network.phi(h).sum(), h)
        outputs = architecture.readout(weights, h)[0]
        rows = [torch.autograd.grad(z, h, retain_graph=True)[0] for z in outputs]
    return torch.cat(rows) / slope


def floor(readout: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> Floor:
    """A lower bound of the loss sum(mask (z - y)^2) / (2 sum(mask)) over all outputs z = W r with |r_i| <= 1.

    Args:
        readout: W [output, unit].
        targets: y [moment, output].
        mask: [moment, output], weights of the squared errors. An output whose mask is 0 may have any value.

    Returns:
        The bound, and the target that is missed most.
    """
    targets, mask = np.asarray(targets, float), np.asarray(mask, float)
    chosen = _some_moments(targets, mask)
    y, m = targets[chosen], mask[chosen]
    z = nearest_outputs(readout, y, m)
    missed = np.argmax((m * (y - z) ** 2).sum(axis=1))
    worst, kept = y[missed] * (m[missed] > 0), z[missed]
    target = float(np.abs(worst).max(initial=0))
    reached = target * float(worst @ kept) / max(float(worst @ worst), 1e-300)
    errors = squared_errors_at_least(readout, m * (y - z), targets, mask)
    return Floor(float(errors.sum() / (2 * mask.sum())), target, reached)


def _some_moments(targets: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Indices of up to SEARCHED moments with different targets, from the smallest to the largest."""
    counted = np.flatnonzero((mask > 0).any(axis=1))
    looked = counted[np.linspace(0, len(counted) - 1, min(LOOKED_AT, len(counted))).astype(int)]
    # Targets y and -y have the same bound.
    signs = np.sign(np.where(mask[looked] > 0, targets[looked], 0))
    first = np.take_along_axis(signs, np.abs(signs).argmax(axis=1)[:, None], axis=1)
    rows = np.hstack([first * targets[looked], mask[looked]]).round(6)
    _, kept = np.unique(rows, axis=0, return_index=True)
    sizes = (mask * targets**2)[looked[kept]].sum(axis=1)
    ordered = looked[kept[np.argsort(sizes, kind="stable")]]
    return ordered[np.unique(np.linspace(0, len(ordered) - 1, min(SEARCHED, len(ordered))).round().astype(int))]


def nearest_outputs(readout: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The outputs z = W r with |r_i| <= 1 that are nearest to each target, in sum_k m_k (z_k - y_k)^2.

    Accelerated projected gradient descent on r (FISTA: Beck & Teboulle, SIAM Journal on Imaging Sciences 2009).

    Args:
        readout: W [output, unit].
        targets: y [target, output].
        mask: m [target, output].

    Returns:
        z [target, output].
    """
    largest = np.linalg.eigvalsh(readout @ readout.T)[-1] * mask.max(axis=1, keepdims=True)
    rate = 1 / np.maximum(largest, 1e-300)
    rates = np.zeros((len(targets), readout.shape[1]))
    ahead, momentum = rates, 1.0
    for _ in range(ITERATIONS):
        gradient = (mask * (ahead @ readout.T - targets)) @ readout
        new = np.clip(ahead - rate * gradient, -1, 1)
        next_momentum = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = new + (momentum - 1) / next_momentum * (new - rates)
        rates, momentum = new, next_momentum
    return np.asarray(rates @ readout.T)


def squared_errors_at_least(
    readout: np.ndarray, directions: np.ndarray, targets: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """A lower bound of sum_k m_k (z_k - y_k)^2 for each target; any directions give a valid one.

    Args:
        readout: W [output, unit].
        directions: v [direction, output].
        targets: y [moment, output].
        mask: m [moment, output]; an output whose mask is 0 may have any value.

    Returns:
        The bound, [moment].
    """
    reach = np.abs(directions @ readout).sum(axis=1)
    missing = np.maximum(np.abs(targets @ directions.T) - reach, 0)
    counts = mask > 0
    size = np.maximum(np.divide(1, mask, out=np.zeros_like(mask), where=counts) @ (directions**2).T, 1e-300)
    concerns_others = (~counts).astype(float) @ (directions != 0).T.astype(float) > 0
    return np.asarray(np.where(concerns_others, 0, missing**2 / size).max(axis=1, initial=0))
