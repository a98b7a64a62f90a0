"""The dynamics of a network seen in a plane: flow field, trajectories and fixed points.

A plane in the space of states is an origin h_0 and two vectors b_1, b_2, the rows of B [2, unit]:

    lift         h(k) = h_0 + B^T k                        the state at coordinates k = (k_1, k_2)
    coordinates  k(h) = (B B^T)^-1 B (h - h_0)             of the point of the plane nearest to h
    flow         dk/dt = (B B^T)^-1 B dh/dt at h(k)        the part of the flow that stays in the plane

What leaves the plane is told beside it (`off_plane`): a picture in two dimensions is as good as that is small. For
W = U M U^T / N, W_in = U, and B = U^T the plane is invariant, coordinates are the kappa of the 2x2 model, and the
flow is that model's as N grows (`rnnbench.reports.claims.theory.two_by_two.flow`): -kappa + M U^T phi(U kappa) / N + x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from rnnbench.analysis.activity import distinct, run_trials
from rnnbench.analysis.fixed_points import find_fixed_points, flow_of, settle
from rnnbench.plugin.interfaces import Architecture, Batch

Arrays = Mapping[str, np.ndarray]

GRID_STARTS = 5
"""Fixed points are looked for from a grid of this many states a side, beside the ends of the trials."""

SETTLING = 50.0
"""Time (tau) for which the ends of the trials are left to the constant input before fixed points are looked for."""


@dataclass(frozen=True)
class Plane:
    """A plane of states: origin [unit] and basis [2, unit], two independent rows."""

    origin: np.ndarray
    basis: np.ndarray

    def lift(self, coordinates: np.ndarray) -> np.ndarray:
        """The states [.., unit] at coordinates [.., 2]."""
        return np.asarray(self.origin + coordinates @ self.basis)

    def coordinates(self, states: np.ndarray) -> np.ndarray:
        """Coordinates [.., 2] of the points of the plane nearest to states [.., unit]."""
        return self.components(states - self.origin)

    def components(self, vectors: np.ndarray) -> np.ndarray:
        """Components [.., 2] along the basis of vectors [.., unit], such as dh/dt: least squares."""
        return np.asarray(vectors @ np.linalg.pinv(self.basis))

    def off_plane(self, vectors: np.ndarray) -> np.ndarray:
        """Fraction [..] of the squared norm of vectors [.., unit] that is outside the plane, 0..1; 0 for no vector."""
        total = np.sum(vectors**2, axis=-1)
        outside = np.sum((vectors - self.components(vectors) @ self.basis) ** 2, axis=-1)
        return np.asarray(np.divide(outside, total, out=np.zeros_like(total), where=total > 0))


def plane_of_states(first: np.ndarray, second: np.ndarray) -> Plane:
    """The plane through rest, A's state and B's [unit]: one axis along A's, one along what B's adds to it.

    Both axes have norm sqrt(N), so that coordinates are in the unit of one unit's state (root mean square).
    Raises ValueError where the two states span no plane.
    """
    size = np.sqrt(len(first))
    norm = np.linalg.norm(first)
    along = first / norm if norm > 0 else first
    rest = second - (second @ along) * along
    if not (norm > 0 and np.linalg.norm(rest) > 1e-9 * np.linalg.norm(second)):
        raise ValueError("the two states span no plane: one is at rest, or they lie along one line")
    return Plane(np.zeros(len(first)), size * np.stack([along, rest / np.linalg.norm(rest)]))


@dataclass(frozen=True)
class FlowField:
    """The flow on a grid of the plane.

    x [x], y [y]        coordinates of the grid
    velocity [y, x, 2]  dk/dt (1/tau)
    off_plane [y, x]    fraction of |dh/dt|^2 that leaves the plane
    """

    x: np.ndarray
    y: np.ndarray
    velocity: np.ndarray
    off_plane: np.ndarray

    @property
    def speed(self) -> np.ndarray:
        """|dk/dt| [y, x] (1/tau)."""
        return np.asarray(np.linalg.norm(self.velocity, axis=-1))


def flow_field(
    architecture: Architecture, weights: Arrays, inputs: np.ndarray, plane: Plane, x: np.ndarray, y: np.ndarray
) -> FlowField:
    """The flow of one network under constant `inputs` [input] at the points of the plane (x[i], y[j])."""
    velocity, _ = flow_of(architecture, weights, inputs)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    states = torch.tensor(plane.lift(grid.reshape(-1, 2)), dtype=torch.float64)
    flow = velocity(states).numpy().reshape(*grid.shape[:2], -1)
    return FlowField(np.asarray(x), np.asarray(y), plane.components(flow), plane.off_plane(flow))


def readout_trajectories(
    architecture: Architecture, weights: Arrays, inputs: np.ndarray, outputs: tuple[int, int] = (0, 1)
) -> np.ndarray:
    """The readouts (z_A, z_B) [time, trial, 2] along trials with `inputs` [time, trial, input].

    outputs   which of the network's outputs are A's and B's
    """
    return run_trials(architecture, weights, inputs).outputs[..., list(outputs)]


@dataclass(frozen=True)
class Portrait:
    """What is drawn of one network in a plane.

    flow       under a constant input
    first      [time, trial, 2] where A's trials go, the start included; second: B's
    points     [point, 2] the fixed points under that input
    stable     [point]
    off_plane  [point] fraction of the squared distance from the plane's origin that is outside the plane
    """

    flow: FlowField
    first: np.ndarray
    second: np.ndarray
    points: np.ndarray
    stable: np.ndarray
    off_plane: np.ndarray


def portrait(
    architecture: Architecture,
    weights: Arrays,
    plane: Plane,
    inputs: np.ndarray,
    trials_a: np.ndarray,
    trials_b: np.ndarray,
    reach: float,
    resolution: int = 25,
) -> Portrait:
    """Flow, trajectories and fixed points of one network.

    inputs      [input] held constant for the flow and its fixed points
    trials_a    inputs [time, trial, input] of A's trials; trials_b: of B's
    reach       the flow is computed on the square from -reach to reach, `resolution` points a side
    Raises ValueError for an architecture whose state is not one array [trial, unit].
    """
    first, second = (_states(architecture, weights, trials) for trials in (trials_a, trials_b))
    axis = np.linspace(-reach, reach, resolution)
    field = flow_field(architecture, weights, inputs, plane, axis, axis)
    ends = settle(architecture, weights, inputs, np.concatenate([first[-1], second[-1]]), SETTLING)
    side = np.linspace(-reach, reach, GRID_STARTS)
    grid = plane.lift(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2))
    found = find_fixed_points(architecture, weights, inputs, np.concatenate([ends, grid]))
    return Portrait(
        field,
        plane.coordinates(first),
        plane.coordinates(second),
        plane.coordinates(found.states),
        found.stable,
        plane.off_plane(found.states - plane.origin),
    )


def pair_portraits(
    architecture: Architecture, first: Arrays, second: Arrays, trials_a: Batch, trials_b: Batch, resolution: int = 25
) -> tuple[Portrait, Portrait]:
    """One network after A (weights `first`) and after B (`second`), in one plane and under one constant input.

    The plane is that of the end of A's first trial after A and of B's first trial after B; the input is the last of
    A's first trial, so that the fixed points drawn are those that A's trial leads to, before and after B.

    trials_a, trials_b   one set of trials [1, time, trial, channel] of each task
    Raises ValueError where the two ends span no plane, or the state is not one array [trial, unit].
    """
    a, b = (distinct(trials.inputs[0]).inputs for trials in (trials_a, trials_b))
    states = [_states(architecture, w, x) for w in (first, second) for x in (a, b)]
    plane = plane_of_states(states[0][-1, 0], states[3][-1, 0])
    reach = 1.6 * max(float(np.abs(plane.coordinates(path)).max()) for path in states)
    before, after = (portrait(architecture, w, plane, a[-1, 0], a, b, reach, resolution) for w in (first, second))
    return before, after


def _states(architecture: Architecture, weights: Arrays, inputs: np.ndarray) -> np.ndarray:
    """[1 + time, trial, unit] along trials; ValueError where the state is not one array [trial, unit]."""
    states = run_trials(architecture, weights, inputs).states
    if states is None:
        raise ValueError(f"architecture {architecture.id()}: its state is not one array [trial, unit]")
    return states
