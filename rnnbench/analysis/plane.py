"""The dynamics of a network in a plane: flow field, trajectories and fixed points.

A plane in the space of states is given by an origin h_0 and two vectors b_1, b_2, the rows of B [2, unit]:

    lift         h(k) = h_0 + B^T k                        the state at coordinates k = (k_1, k_2)
    coordinates  k(h) = (B B^T)^-1 B (h - h_0)             of the point of the plane nearest to h
    flow         dk/dt = (B B^T)^-1 B dh/dt at h(k)        the part of the flow that stays in the plane

A picture in two dimensions is only faithful if the flow hardly leaves the plane. `off_plane` says how much of it does.

For W = U M U^T / N, W_in = U and B = U^T the plane is invariant, and the coordinates are the kappa of the 2x2 model.
As N grows, the flow becomes that of the model (`rnnbench.reports.claims.theory.two_by_two.flow`):
-kappa + M U^T phi(U kappa) / N + x.
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
"""Newton's method starts from a square grid of states with this many per side, and from the ends of the trials."""

SETTLING = 50.0
"""Time (tau) that is simulated under the constant input from the end of each trial before Newton's method starts."""


@dataclass(frozen=True)
class Plane:
    """A plane in the space of states.

    Attributes:
        origin: a state in the plane, [unit].
        basis: two linearly independent vectors, [2, unit].
    """

    origin: np.ndarray
    basis: np.ndarray

    def lift(self, coordinates: np.ndarray) -> np.ndarray:
        """The states [.., unit] at coordinates [.., 2]."""
        return np.asarray(self.origin + coordinates @ self.basis)

    def coordinates(self, states: np.ndarray) -> np.ndarray:
        """Coordinates [.., 2] of the points of the plane nearest to states [.., unit]."""
        return self.components(states - self.origin)

    def components(self, vectors: np.ndarray) -> np.ndarray:
        """Components [.., 2] of vectors [.., unit], such as dh/dt, along the basis, by least squares."""
        return np.asarray(vectors @ np.linalg.pinv(self.basis))

    def off_plane(self, vectors: np.ndarray) -> np.ndarray:
        """Fraction [..] of the squared norm of vectors [.., unit] outside the plane, in 0..1; 0 for a zero vector."""
        total = np.sum(vectors**2, axis=-1)
        outside = np.sum((vectors - self.components(vectors) @ self.basis) ** 2, axis=-1)
        return np.asarray(np.divide(outside, total, out=np.zeros_like(total), where=total > 0))


def plane_of_states(first: np.ndarray, second: np.ndarray) -> Plane:
    """The plane through rest and two states.

    The first axis is along A's state, and the second along the part of B's state that is orthogonal to it. Both axes
    have norm sqrt(N), so that a coordinate is the root mean square of a unit's state.

    Args:
        first: A's state [unit].
        second: B's state [unit].

    Raises:
        ValueError: one state is at rest, or both are along one line.
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
    """The flow on a grid in the plane.

    Attributes:
        x: first coordinates of the grid, [x].
        y: second coordinates of the grid, [y].
        velocity: dk/dt (1/tau), [y, x, 2].
        off_plane: fraction of |dh/dt|^2 that leaves the plane, [y, x].
    """

    x: np.ndarray
    y: np.ndarray
    velocity: np.ndarray
    off_plane: np.ndarray

    @property
    def speed(self) -> np.ndarray:
        """Speed |dk/dt| (1/tau), [y, x]."""
        return np.asarray(np.linalg.norm(self.velocity, axis=-1))


def flow_field(
    architecture: Architecture, weights: Arrays, inputs: np.ndarray, plane: Plane, x: np.ndarray, y: np.ndarray
) -> FlowField:
    """The flow of one network on a grid of points in a plane, under a constant input.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        inputs: constant input [input].
        plane: the plane.
        x: first coordinates of the grid, [x].
        y: second coordinates of the grid, [y].
    """
    velocity, _ = flow_of(architecture, weights, inputs)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    states = torch.tensor(plane.lift(grid.reshape(-1, 2)), dtype=torch.float64)
    flow = velocity(states).numpy().reshape(*grid.shape[:2], -1)
    return FlowField(np.asarray(x), np.asarray(y), plane.components(flow), plane.off_plane(flow))


def readout_trajectories(
    architecture: Architecture, weights: Arrays, inputs: np.ndarray, outputs: tuple[int, int] = (0, 1)
) -> np.ndarray:
    """The outputs for A and B during trials.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        inputs: [time, trial, input].
        outputs: indices of the output of A and of the output of B.

    Returns:
        (z_A, z_B), [time, trial, 2].
    """
    return run_trials(architecture, weights, inputs).outputs[..., list(outputs)]


@dataclass(frozen=True)
class Portrait:
    """Flow, trajectories and fixed points of one network, in the coordinates of a plane.

    Attributes:
        flow: the flow under a constant input.
        first: trajectories of A's trials, beginning with the initial state, [1 + time, trial, 2].
        second: trajectories of B's trials, of the same form.
        points: fixed points under the constant input, [point, 2].
        stable: whether each fixed point is stable, [point].
        off_plane: fraction of each fixed point's squared distance from the plane's origin that is outside the plane,
            [point].
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
    """Compute flow, trajectories and fixed points of one network in a plane.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        plane: the plane.
        inputs: constant input of the flow and its fixed points, [input].
        trials_a: inputs of A's trials, [time, trial, input].
        trials_b: inputs of B's trials, [time, trial, input].
        reach: the flow is computed on the square of coordinates from -reach to reach.
        resolution: number of grid points per side of that square.

    Raises:
        ValueError: the state of the architecture is not one array [trial, unit].
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
    """Portraits of one network after learning A and after learning B, in the same plane.

    The plane goes through rest, the end of A's first trial after A, and the end of B's first trial after B. The
    constant input is the last input of A's first trial. Hence the fixed points include those to which A's trial leads,
    before and after learning B.

    Args:
        architecture: the network's architecture.
        first: weights of one network by name, after A.
        second: weights of the same network, after B.
        trials_a: one set of A's trials, [1, time, trial, channel].
        trials_b: one set of B's trials, [1, time, trial, channel].
        resolution: number of grid points of the flow per side.

    Raises:
        ValueError: the ends of the two trials span no plane, or the state is not one array [trial, unit].
    """
    a, b = (distinct(trials.inputs[0]).inputs for trials in (trials_a, trials_b))
    states = [_states(architecture, w, x) for w in (first, second) for x in (a, b)]
    plane = plane_of_states(states[0][-1, 0], states[3][-1, 0])
    reach = 1.6 * max(float(np.abs(plane.coordinates(path)).max()) for path in states)
    before, after = (portrait(architecture, w, plane, a[-1, 0], a, b, reach, resolution) for w in (first, second))
    return before, after


def _states(architecture: Architecture, weights: Arrays, inputs: np.ndarray) -> np.ndarray:
    """States [1 + time, trial, unit] during trials; raises ValueError if the state is not one array [trial, unit]."""
    states = run_trials(architecture, weights, inputs).states
    if states is None:
        raise ValueError(f"architecture {architecture.id()}: its state is not one array [trial, unit]")
    return states
