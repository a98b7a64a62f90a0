"""How random connectivity speeds up learning of the full W, and why it speeds up formation more than rotation.

At a stationary state h = W phi(h) + x with loss L = |z - y|^2 / 2, z = W_out phi(h), e = z - y:

    dL/dW = a phi(h)^T,      a = D (W_out^T e + W^T a),      D = diag phi'(h)

To derive this, differentiate h = W phi + x along dW and transpose. Here a is the adjoint, the total derivative of L
with respect to the input current of each unit. Under gradient flow the loss falls at the speed
-dL/dt = |dL/dW|^2 = |a|^2 |phi(h)|^2. Let W = g J + (terms that overlap neither with v = W_out^T e nor with a). Then:

* |phi(h)|^2 / N -> C(Delta), Delta = |kappa|^2 + g^2 C(Delta).
* (g J^T a)_i is Gaussian with variance g^2 |a|^2 / N and independent of phi'(h_i), so that
  |a|^2 = E[phi'^2 u^2] |v|^2 + g^2 E[phi'^2] |a|^2, where u is the pattern along which v points:
  |a|^2 = |v|^2 E[phi'^2 u^2] / (1 - g^2 E[phi'^2]), with E[phi'^2] = 1 / sqrt(1 + pi Delta).

Formation: the state is near the origin, h = g J phi(h) + d u_B, and v points along the same u_B, so
E[phi'^2 u^2] = E[phi'^2] (1 - pi d^2 / (1 + pi Delta)) (Stein's lemma, applied twice). For d -> 0 the speed is
d^2 / (1 - g^2)^2: one factor 1 / (1 - g^2) comes from the state and one from the adjoint.

Rotation: the state is A's fixed point. The readout G(Delta) kappa_A = target keeps it at kappa_A at every g, and u_B is
independent of it, so E[phi'^2 u^2] = E[phi'^2]. The speed is C(Delta) E[phi'^2] / (1 - g^2 E[phi'^2]).

The denominator contains E[phi'^2] and not E[phi']^2 = G^2. Both are 1 at the origin. Away from it E[phi'^2] is larger
(Jensen's inequality), so a formula with 1 / (1 - g^2 G^2) underestimates the amplification at A's fixed point.
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
"""The drive for formation: small compared with 1, as it is where formation and rotation compete."""


def formation_speed(g: float, drive: float = DRIVE) -> float:
    """Speed of formation, |dL/dW|^2 / |e|^2 at the driven origin for large N.

    Args:
        g: strength of the random connectivity, below 1.
        drive: size d of the input along B's pattern.

    Returns:
        The speed at which the loss falls, for an error of 1.
    """
    variance = float(total_variance(drive**2, g))
    own = float(mean_squared_slope(variance)) * (1 - np.pi * drive**2 / (1 + np.pi * variance))
    return float(power(variance)) * own / (1 - g**2 * float(mean_squared_slope(variance)))


def rotation_speed(g: float, target: float = TARGET) -> float:
    """Speed of rotation, |dL/dW|^2 / |e|^2 at A's fixed point for an error on B's output and large N.

    Args:
        g: strength of the random connectivity.
        target: output of A at its fixed point.

    Returns:
        The speed at which the loss falls, for an error of 1.
    """
    variance = variance_at_readout(target, g)
    squared = float(mean_squared_slope(variance))
    return float(power(variance)) * squared / (1 - g**2 * squared)


def rotation_speed_by_gain(g: float, target: float = TARGET) -> float:
    """Speed of rotation with G^2 in place of E[phi'^2] in the denominator; simulations do not agree with this formula.

    Args:
        g: strength of the random connectivity.
        target: output of A at its fixed point.

    Returns:
        The speed at which the loss falls, for an error of 1.
    """
    variance = variance_at_readout(target, g)
    squared = float(mean_squared_slope(variance))
    return float(power(variance)) * squared / (1 - g**2 * float(gain(variance)) ** 2)


@dataclass(frozen=True)
class Stationary:
    """A network at a stationary state.

    Attributes:
        weights: [unit, unit], the recurrent weights W.
        inputs: [unit], the constant input x.
        state: [unit], the stationary state h.
        output: [unit], the row of W_out that carries the error.
    """

    weights: Floats
    inputs: Floats
    state: Floats
    output: Floats


def settle(weights: Floats, inputs: Floats, start: Floats, tolerance: float = 1e-12) -> Floats:
    """Find a stationary state h = W phi(h) + x by relaxation.

    Args:
        weights: [unit, unit], the recurrent weights W.
        inputs: [unit], the constant input x.
        start: [unit], the state to start from.
        tolerance: the root mean square of the last change of h.

    Returns:
        [unit], the state h.

    Raises:
        ValueError: no stationary state was reached in 5000 steps.
    """
    h = start
    for _ in range(5000):
        change = weights @ phi(h) + inputs - h
        h = h + change
        if np.sqrt(np.mean(change**2)) < tolerance:
            return h
    raise ValueError(
        "the network does not settle within 5000 steps; for g of 1 or more it may have no stable stationary state"
    )


def speed(network: Stationary) -> float:
    """|dL/dW|^2 (Frobenius norm) for an error of 1 on the output; the adjoint comes from a linear solve."""
    slope = np.exp(-np.pi / 4 * network.state**2)
    system = np.eye(len(slope)) - slope[:, None] * network.weights.T
    adjoint = np.linalg.solve(system, slope * network.output)
    return float(adjoint @ adjoint) * float(np.sum(phi(network.state) ** 2))


def network_of_formation(connectivity: Floats, patterns: Floats, drive: float = DRIVE) -> Stationary:
    """A network in a trial of B near the origin: W = g J, input d u_B, and an error on B's output u_B / N.

    Args:
        connectivity: [unit, unit], g J.
        patterns: [unit, 2], u_A and u_B.
        drive: size d of the input.

    Returns:
        The network at its stationary state.

    Raises:
        ValueError: the network does not settle.
    """
    u_b = patterns[:, 1]
    inputs = drive * u_b
    return Stationary(connectivity, inputs, settle(connectivity, inputs, inputs), u_b / len(u_b))


def network_of_rotation(connectivity: Floats, patterns: Floats, g: float, target: float = TARGET) -> Stationary:
    """A network in a trial of B at A's fixed point: W = g J + m u_A u_A^T / N with m G(Delta) = 1.

    There is no input, and the error is on B's output u_B / N.

    Args:
        connectivity: [unit, unit], g J.
        patterns: [unit, 2], u_A and u_B.
        g: strength of the random connectivity.
        target: output of A at its fixed point.

    Returns:
        The network at its stationary state.

    Raises:
        ValueError: the network does not settle.
    """
    u_a, u_b = patterns.T
    gamma = gain(variance_at_readout(target, g))
    weights = connectivity + np.outer(u_a, u_a) / (gamma * len(u_a))
    start = float(target / gamma) * u_a
    no_input = np.zeros_like(u_a)
    return Stationary(weights, no_input, settle(weights, no_input, start), u_b / len(u_b))


def simulated_amplification(
    gs: npt.ArrayLike, n_units: int, rng: np.random.Generator, drive: float = DRIVE, target: float = TARGET
) -> Floats:
    """Speeds of formation and rotation in one simulated network, with the same J and patterns at every g.

    Args:
        gs: [g], strengths of the random connectivity, below 1.
        n_units: number of units N.
        rng: draws J and the patterns.
        drive: size of the input in formation.
        target: output of A at its fixed point in rotation.

    Returns:
        [g, 2]: the speed of formation and that of rotation.

    Raises:
        ValueError: the network does not settle at one of the g.
    """
    j = rng.standard_normal((n_units, n_units)) / np.sqrt(n_units)
    patterns = gaussian_patterns(n_units, rng)
    return np.array(
        [
            # |v|^2 = 1 / N and |phi|^2 = N C, so their product is of order 1 without further scaling.
            (
                speed(network_of_formation(g * j, patterns, drive)),
                speed(network_of_rotation(g * j, patterns, float(g), target)),
            )
            for g in np.asarray(gs, dtype=float)
        ]
    )
