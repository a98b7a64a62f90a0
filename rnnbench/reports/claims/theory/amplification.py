"""Why random connectivity speeds up learning of the full W, and formation more than rotation.

At a stationary state h = W phi(h) + x with loss L = |z - y|^2 / 2, z = W_out phi(h), e = z - y:

    dL/dW = a phi(h)^T,      a = D (W_out^T e + W^T a),      D = diag phi'(h)

(differentiate h = W phi + x along dW and transpose; a = dL/dh's total derivative). Under gradient flow the loss falls
at the speed -dL/dt = |dL/dW|^2 = |a|^2 |phi(h)|^2. With W = g J + (terms that neither v = W_out^T e nor a overlaps):

* |phi(h)|^2 / N -> C(Delta), Delta = |kappa|^2 + g^2 C(Delta).
* (g J^T a)_i is Gaussian with variance g^2 |a|^2 / N and independent of phi'(h_i), so that
  |a|^2 = E[phi'^2 u^2] |v|^2 + g^2 E[phi'^2] |a|^2, where u is the pattern along which v points:
  |a|^2 = |v|^2 E[phi'^2 u^2] / (1 - g^2 E[phi'^2]), with E[phi'^2] = 1 / sqrt(1 + pi Delta).

Formation: the state is near the origin, h = g J phi(h) + d u_B, and v points along the same u_B, so
E[phi'^2 u^2] = E[phi'^2] (1 - pi d^2 / (1 + pi Delta)) (Stein's lemma twice). For d -> 0 the speed is
d^2 / (1 - g^2)^2: one factor from the state, one from the adjoint.
Rotation: the state is A's fixed point, held at kappa_A by the readout G(Delta) kappa_A = target at every g, and u_B is
independent of it: E[phi'^2 u^2] = E[phi'^2]. The speed is C(Delta) E[phi'^2] / (1 - g^2 E[phi'^2]).

The power of the gain in the denominator is E[phi'^2], not E[phi']^2 = G^2: both are 1 at the origin, and away from it
E[phi'^2] is larger (Jensen), so a formula in 1 / (1 - g^2 G^2) underrates the amplification at A's fixed point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnbench.reports.claims.theory.full_network import gaussian_patterns
from rnnbench.reports.claims.theory.mean_field import (
    Floats,
    gain,
    mean_squared_slope,
    phi,
    power,
    total_variance,
    variance_at_readout,
)

TARGET = 0.5
DRIVE = 0.05
"""Of formation: small against 1, as where formation and rotation compete."""


def formation_speed(g: float, drive: float = DRIVE) -> float:
    """|dL/dW|^2 / |e|^2 at the driven origin for large N, g < 1."""
    variance = float(total_variance(drive**2, g))
    own = float(mean_squared_slope(variance)) * (1 - np.pi * drive**2 / (1 + np.pi * variance))
    return float(power(variance)) * own / (1 - g**2 * float(mean_squared_slope(variance)))


def rotation_speed(g: float, target: float = TARGET) -> float:
    """|dL/dW|^2 / |e|^2 at A's fixed point, for an error on B's output, for large N."""
    variance = variance_at_readout(target, g)
    squared = float(mean_squared_slope(variance))
    return float(power(variance)) * squared / (1 - g**2 * squared)


def rotation_speed_by_gain(g: float, target: float = TARGET) -> float:
    """The same with G^2 in place of E[phi'^2] in the denominator, which the simulation does not support."""
    variance = variance_at_readout(target, g)
    squared = float(mean_squared_slope(variance))
    return float(power(variance)) * squared / (1 - g**2 * float(gain(variance)) ** 2)


@dataclass(frozen=True)
class Stationary:
    """A network at a stationary state.

    weights [unit, unit]; inputs [unit]; state h [unit]; output: the row of W_out that carries the error [unit].
    """

    weights: Floats
    inputs: Floats
    state: Floats
    output: Floats


def settle(weights: Floats, inputs: Floats, start: Floats, tolerance: float = 1e-12) -> Floats:
    """h with h = W phi(h) + x, from `start` by relaxation.

    Raises:
        ValueError: no stationary state was reached in 5000 steps.
    """
    h = start
    for _ in range(5000):
        change = weights @ phi(h) + inputs - h
        h = h + change
        if np.sqrt(np.mean(change**2)) < tolerance:
            return h
    raise ValueError("the network does not settle; at g of 1 and above it may have no stable stationary state")


def speed(network: Stationary) -> float:
    """|dL/dW|_F^2 for an error of 1 on the output, with the adjoint by a linear solve."""
    slope = np.exp(-np.pi / 4 * network.state**2)
    system = np.eye(len(slope)) - slope[:, None] * network.weights.T
    adjoint = np.linalg.solve(system, slope * network.output)
    return float(adjoint @ adjoint) * float(np.sum(phi(network.state) ** 2))


def network_of_formation(connectivity: Floats, patterns: Floats, drive: float = DRIVE) -> Stationary:
    """B's trial near the origin: W = g J, input d u_B, error on B's output u_B / N."""
    u_b = patterns[:, 1]
    inputs = drive * u_b
    return Stationary(connectivity, inputs, settle(connectivity, inputs, inputs), u_b / len(u_b))


def network_of_rotation(connectivity: Floats, patterns: Floats, g: float, target: float = TARGET) -> Stationary:
    """B's trial at A's fixed point: W = g J + m u_A u_A^T / N with m G(Delta) = 1, error on B's output u_B / N."""
    u_a, u_b = patterns.T
    gamma = gain(variance_at_readout(target, g))
    weights = connectivity + np.outer(u_a, u_a) / (gamma * len(u_a))
    start = float(target / gamma) * u_a
    silent = np.zeros_like(u_a)
    return Stationary(weights, silent, settle(weights, silent, start), u_b / len(u_b))


def simulated_amplification(
    gs: npt.ArrayLike, n_units: int, rng: np.random.Generator, drive: float = DRIVE, target: float = TARGET
) -> Floats:
    """Speeds (formation, rotation) [g, 2] in one network, the same J and patterns at every g; g below 1."""
    j = rng.standard_normal((n_units, n_units)) / np.sqrt(n_units)
    patterns = gaussian_patterns(n_units, rng)
    return np.array(
        [
            # |v|^2 = 1 / N and |phi|^2 = N C: the product is of order 1 as it stands.
            (
                speed(network_of_formation(g * j, patterns, drive)),
                speed(network_of_rotation(g * j, patterns, float(g), target)),
            )
            for g in np.asarray(gs, dtype=float)
        ]
    )
