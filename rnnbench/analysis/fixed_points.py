"""Fixed points of a trained network under constant input, with their stability.

The flow of a declared rate network is dh/dt = -h + W phi(h) + I(x), with the Jacobian W diag(phi'(h)) - 1; that of
any other architecture is (step(h) - h) / dt, differentiated by autograd. Many starts are followed as one batch by
damped Newton steps, each start on its own: a step that does not slow the flow is halved. (Sussillo & Barak 2013
minimise the speed instead; Newton's method finds saddles as readily as attractors, and tells its own precision.)
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

SHORTEST_STEP = 2.0**-20
"""Newton steps are halved down to this fraction before a start is given up."""

SINGULAR = 1e6
"""A Newton step this many times as long as 1 + the state, or not finite, comes from a Jacobian that is singular."""

NUMBERS_AT_ONCE = 8_000_000
"""In the Jacobians of the starts that are followed together: 64 MB."""


@dataclass(frozen=True)
class FixedPoints:
    """Fixed points of one network under one constant input.

    states       [point, unit]
    speeds       [point] norm of dh/dt (1/tau) there, at most the tolerance
    eigenvalues  [point, unit] of the Jacobian of dh/dt (1/tau)
    found_from   for each start, the point it led to, or -1 where Newton's method failed
    """

    states: np.ndarray
    speeds: np.ndarray
    eigenvalues: np.ndarray
    found_from: np.ndarray

    @property
    def stable(self) -> np.ndarray:
        """[point] whether every eigenvalue has a negative real part."""
        return np.asarray((self.eigenvalues.real < 0).all(axis=-1))


def flow_of(architecture: Architecture, weights: Mapping[str, np.ndarray], inputs: np.ndarray) -> tuple[Flow, Flow]:
    """dh/dt [start, unit] and its Jacobian [start, unit, unit], as functions of h [start, unit], in float64.

    weights   of one network, by name
    inputs    [input] held constant; noise is off
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
    """The flow from the equation itself, without the rounding of h + dt (..) - h, which matters where dt is small."""
    phi, w = network.phi, network.recurrent(weights)
    current = network.current(weights, x)

    def velocity(h: Tensor) -> Tensor:
        return -h + phi(h) @ w.T + current

    def jacobian(h: Tensor) -> Tensor:
        return w * slope_of(phi, h)[:, None, :] - torch.eye(len(w), dtype=torch.float64)

    return velocity, jacobian


def slope_of(phi: Callable[[Tensor], Tensor], h: Tensor) -> Tensor:
    """phi'(h) elementwise: in closed form for rnnbench's own nonlinearities, else by autograd."""
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
    """The fixed points that damped Newton steps reach from `starts` [start, unit], doubles left out.

    tolerance          largest norm of dh/dt (1/tau) at what counts as a fixed point
    apart              two states nearer than this fraction of 1 + their norm are one point
    with_eigenvalues   else they are NaN: in a large network they take most of the time
    """
    velocity, jacobian = flow_of(architecture, weights, inputs)
    h = torch.tensor(np.atleast_2d(starts), dtype=torch.float64)
    together = max(1, NUMBERS_AT_ONCE // h.shape[1] ** 2)
    followed = [_newton(velocity, jacobian, some, tolerance, max_steps) for some in h.split(together)]
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
        # The leak lies on the diagonal; what is left of the Jacobian may be of low rank, and then this is fast.
        eigenvalues[k] = spectrum(jacobian(state[None])[0].numpy() + np.eye(states.shape[1])) - 1
    return FixedPoints(states.numpy(), velocity(states).norm(dim=-1).numpy(), eigenvalues, found_from)


def _newton(velocity: Flow, jacobian: Flow, h: Tensor, tolerance: float, max_steps: int) -> tuple[Tensor, Tensor]:
    """States and speeds after damped Newton steps from each start on its own; a start that fails stays where it is."""
    h, speed = h.clone(), velocity(h).norm(dim=-1)
    given_up = ~speed.isfinite()
    for _ in range(max_steps):
        rows = torch.nonzero((speed > tolerance) & ~given_up).flatten()
        if not len(rows):
            break
        slopes, force = jacobian(h[rows]), -velocity(h[rows])
        step = torch.linalg.solve_ex(slopes, force[..., None])[0][..., 0]
        better = _damped(velocity, h, speed, rows, step)
        # At a bifurcation the Jacobian is singular, and a step is wanted all the same: the shortest of least squares.
        singular = ~(step.norm(dim=-1) <= SINGULAR * (1 + h[rows].norm(dim=-1)))
        left = torch.nonzero(~better & singular).flatten()
        left = left[slopes[left].isfinite().flatten(1).all(-1)]
        if len(left):
            # gelsd, by singular values: the default, gelsy, gives 0 for [[0, 0], [0, 1]] (torch 2.13).
            step = torch.linalg.lstsq(slopes[left], force[left, :, None], driver="gelsd").solution[..., 0]
            better[left] = _damped(velocity, h, speed, rows[left], step)
        given_up[rows[~better]] = True
    return h, speed


def _damped(velocity: Flow, h: Tensor, speed: Tensor, rows: Tensor, step: Tensor) -> Tensor:
    """Move the states `rows` of h along `step`, halved until it slows the flow, in place; which of them it did."""
    here = h[rows]
    damping = torch.ones(len(rows), dtype=torch.float64)
    better = torch.zeros(len(rows), dtype=torch.bool)
    usable = step.isfinite().all(-1)
    while (usable & ~better & (damping > SHORTEST_STEP)).any():
        trial = here + damping[:, None] * step
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
    """Where the flow leads from `starts` [start, unit] in `duration` (tau) of constant `inputs` [input]: [start, unit].

    Follows the network's own steps, without noise, so that it ends in the basin in which the network would.
    """
    arrays, x = float64(weights), torch.tensor(np.asarray(inputs), dtype=torch.float64)
    h = torch.tensor(np.atleast_2d(starts), dtype=torch.float64)
    x = x.expand(len(h), -1)
    for _ in range(round(duration / architecture.dt)):
        h = architecture.step(arrays, h, x, None)
    return np.asarray(h.numpy())
