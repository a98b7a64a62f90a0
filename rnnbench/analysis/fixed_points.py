"""Fixed points of a trained network under constant input, with their stability.

The flow of a declared rate network is dh/dt = -h + W phi(h) + I(x), with the Jacobian W diag(phi'(h)) - 1. The flow
of any other architecture is (step(h) - h) / dt, differentiated by autograd. Damped Newton steps are computed for many
starts as one batch, with a separate damping for each start: a step that does not reduce the speed |dh/dt| is halved.

Sussillo & Barak 2013 minimise the speed instead. Newton's method finds saddles as easily as attractors, and the speed
where it ends shows how precise the result is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import jacrev, vmap

from rnnbench.analysis.activity import float64
from rnnbench.analysis.updates import spectrum
from rnnbench.engine.nonlinearity import Nonlinearity
from rnnbench.plugin.interfaces import Architecture
from rnnbench.plugin.rate_network import RateNetwork, as_rate_network

Flow = Callable[[Tensor], Tensor]
"""A function of states [start, unit]."""

SHORTEST_STEP = 2.0**-20
"""The smallest fraction to which a Newton step is halved before its start is abandoned."""

SINGULAR = 1e6
"""A Jacobian counts as singular if the Newton step is not finite or longer than this many times 1 + |h|."""

NUMBERS_AT_ONCE = 8_000_000
"""How many numbers the Jacobians of the starts in one batch may have together (64 MB)."""


@dataclass(frozen=True)
class FixedPoints:
    """Fixed points of one network under one constant input.

    Attributes:
        states: [point, unit].
        speeds: norm of dh/dt (1/tau) at each point, [point], at most the tolerance.
        eigenvalues: eigenvalues of the Jacobian of dh/dt (1/tau), [point, unit].
        found_from: for each start, the index of the point that it led to, or -1 if Newton's method failed, [start].
    """

    states: np.ndarray
    speeds: np.ndarray
    eigenvalues: np.ndarray
    found_from: np.ndarray

    @property
    def stable(self) -> np.ndarray:
        """Whether every eigenvalue has a negative real part, [point]; False if the eigenvalues are NaN."""
        return np.asarray((self.eigenvalues.real < 0).all(axis=-1))


def flow_of(architecture: Architecture, weights: Mapping[str, np.ndarray], inputs: np.ndarray) -> tuple[Flow, Flow]:
    """The flow of one network and its Jacobian, under a constant input and without noise.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        inputs: constant input [input].

    Returns:
        Two functions of states h [start, unit], in float64: dh/dt [start, unit] (1/tau), and its Jacobian
        [start, unit, unit] (1/tau).
    """
    arrays, x = float64(weights), torch.tensor(np.asarray(inputs), dtype=torch.float64)

    def velocity(h: Tensor) -> Tensor:
        new = architecture.step(arrays, h, x.expand(len(h), -1), None)
        return (new - h) / architecture.dt

    def one(h: Tensor) -> Tensor:
        return velocity(h[None])[0]

    network = as_rate_network(architecture)
    return (velocity, vmap(jacrev(one))) if network is None else _rate_flow(network, arrays, x)


def _rate_flow(network: RateNetwork, weights: dict[str, Tensor], x: Tensor) -> tuple[Flow, Flow]:
    """The flow from the equation itself, which avoids the rounding error of (h + dt (..) - h) / dt at small dt."""
    phi, w = network.phi, network.recurrent(weights)
    current = network.current(weights, x)

    def velocity(h: Tensor) -> Tensor:
        return -h + phi(h) @ w.T + current

    def jacobian(h: Tensor) -> Tensor:
        return w * slope_of(phi, h)[:, None, :] - torch.eye(len(w), dtype=torch.float64)

    return velocity, jacobian


def slope_of(phi: Callable[[Tensor], Tensor], h: Tensor) -> Tensor:
    """The derivative of an elementwise function.

    Args:
        phi: the function; for rnnbench's own nonlinearities the derivative is in closed form, otherwise by autograd.
        h: states of any shape.

    Returns:
        phi'(h), of the same shape.
    """
    if isinstance(phi, Nonlinearity):
        slope = torch.ones_like(h)
        phi.scale(slope, h, phi(h))  # 1 phi'(h)
        return slope
    leaf = h.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(phi(leaf).sum(), leaf)[0]


def find_fixed_points(
    architecture: Architecture,
    weights: Mapping[str, np.ndarray],
    inputs: np.ndarray,
    starts: np.ndarray,
    tolerance: float = 1e-9,
    max_steps: int = 100,
    apart: float = 1e-4,
    with_eigenvalues: bool = True,
) -> FixedPoints:
    """Find the fixed points that damped Newton steps reach from given starts. Each point is returned once.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        inputs: constant input [input].
        starts: states from which to start, [start, unit].
        tolerance: largest norm of dh/dt (1/tau) at a fixed point.
        max_steps: largest number of Newton steps from each start.
        apart: two states whose distance is at most this fraction of 1 + their norm are the same point.
        with_eigenvalues: if False, the eigenvalues are NaN. In a large network they take most of the time.

    Returns:
        The points in the order in which they were found.
    """
    velocity, jacobian = flow_of(architecture, weights, inputs)
    h = torch.tensor(np.atleast_2d(starts), dtype=torch.float64)
    batch_size = max(1, NUMBERS_AT_ONCE // h.shape[1] ** 2)
    followed = [_newton(velocity, jacobian, part, tolerance, max_steps) for part in h.split(batch_size)]
    h, speeds = torch.cat([states for states, _ in followed]), torch.cat([speed for _, speed in followed])
    points: list[Tensor] = []
    found_from = np.full(len(h), -1)
    for start, (state, speed) in enumerate(zip(h, speeds.tolist(), strict=True)):
        if not speed <= tolerance:
            continue
        near = (k for k, p in enumerate(points) if (p - state).norm() <= apart * (1 + state.norm()))
        found_from[start] = next(near, len(points))
        if found_from[start] == len(points):
            points.append(state)
    states = torch.stack(points) if points else h[:0]
    eigenvalues = np.full(states.shape, np.nan, dtype=complex)
    for k, state in enumerate(states if with_eigenvalues else []):
        # The Jacobian plus the identity (the leak) may be of low rank, and then `spectrum` is fast.
        eigenvalues[k] = spectrum(jacobian(state[None])[0].numpy() + np.eye(states.shape[1])) - 1
    return FixedPoints(states.numpy(), velocity(states).norm(dim=-1).numpy(), eigenvalues, found_from)


def _newton(velocity: Flow, jacobian: Flow, h: Tensor, tolerance: float, max_steps: int) -> tuple[Tensor, Tensor]:
    """States and speeds after damped Newton steps from each start. A start that fails keeps its last state."""
    h, speed = h.clone(), velocity(h).norm(dim=-1)
    abandoned = ~speed.isfinite()
    for _ in range(max_steps):
        rows = torch.nonzero((speed > tolerance) & ~abandoned).flatten()
        if not len(rows):
            break
        slopes, force = jacobian(h[rows]), -velocity(h[rows])
        step = torch.linalg.solve_ex(slopes, force[..., None])[0][..., 0]
        better = _damped(velocity, h, speed, rows, step)
        # At a bifurcation the Jacobian is singular. Then the shortest least-squares step is taken instead.
        singular = ~(step.norm(dim=-1) <= SINGULAR * (1 + h[rows].norm(dim=-1)))
        retried = torch.nonzero(~better & singular).flatten()
        retried = retried[slopes[retried].isfinite().flatten(1).all(-1)]
        if len(retried):
            # gelsd uses singular values. The default driver, gelsy, gives 0 for [[0, 0], [0, 1]] (torch 2.13).
            step = torch.linalg.lstsq(slopes[retried], force[retried, :, None], driver="gelsd").solution[..., 0]
            better[retried] = _damped(velocity, h, speed, rows[retried], step)
        abandoned[rows[~better]] = True
    return h, speed


def _damped(velocity: Flow, h: Tensor, speed: Tensor, rows: Tensor, step: Tensor) -> Tensor:
    """Move some states along a step that is halved until it reduces their speed. This changes h and speed in place.

    Args:
        velocity: dh/dt as a function of states.
        h: all states [start, unit].
        speed: their speeds [start] (1/tau).
        rows: indices of the states to move, [row].
        step: their Newton steps [row, unit].

    Returns:
        Whether each of these states was moved, [row].
    """
    origin = h[rows]
    damping = torch.ones(len(rows), dtype=torch.float64)
    better = torch.zeros(len(rows), dtype=torch.bool)
    usable = step.isfinite().all(-1)
    while (usable & ~better & (damping > SHORTEST_STEP)).any():
        trial = origin + damping[:, None] * step
        slower = velocity(trial).norm(dim=-1)
        accept = usable & ~better & (slower < speed[rows])
        h[rows[accept]], speed[rows[accept]] = trial[accept], slower[accept]
        better |= accept
        damping = torch.where(better, damping, damping / 2)
    return better


def settle(
    architecture: Architecture,
    weights: Mapping[str, np.ndarray],
    inputs: np.ndarray,
    starts: np.ndarray,
    duration: float,
) -> np.ndarray:
    """Simulate one network under a constant input, without noise.

    It uses the architecture's own time steps, so that it ends in the same basin of attraction as the network.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        inputs: constant input [input].
        starts: initial states [start, unit].
        duration: simulated time (tau).

    Returns:
        The final states [start, unit].
    """
    arrays, x = float64(weights), torch.tensor(np.asarray(inputs), dtype=torch.float64)
    h = torch.tensor(np.atleast_2d(starts), dtype=torch.float64)
    x = x.expand(len(h), -1)
    for _ in range(round(duration / architecture.dt)):
        h = architecture.step(arrays, h, x, None)
    return np.asarray(h.numpy())
