"""Gaussian averages of phi(x) = erf(sqrt(pi) x / 2), and the variance that random connectivity adds.

The state of a unit is h_i = sum_a kappa_a u_a,i + delta_i, with Gaussian patterns u_a and a private Gaussian delta_i of
variance Delta_0 from the random part g J of the connectivity. Delta = |kappa|^2 + Delta_0 is the variance of h:

    G(Delta) = E[phi'(h)]  = 1 / sqrt(1 + pi Delta / 2)                                       the gain
    C(Delta) = E[phi(h)^2] = (2 / pi) asin(u / (1 + u)),  u = pi Delta / 2                    the power
    C'(Delta)              = 1 / ((1 + u) sqrt(1 + 2 u))
    Delta_0  = g^2 C(|kappa|^2 + Delta_0)                                                     stationary states

Derivation. G is a Gaussian integral, because phi'(x) = exp(-pi x^2 / 4). C follows from Price's theorem,
dE[phi(x) phi(y)] / dcov = E[phi'(x) phi'(y)], integrated from 0 (Williams 1998, Neural Computation 10:1203, gives the
kernel of erf). C' is its derivative. The equation for Delta_0 is the stationary solution of dynamic mean-field theory
(Sompolinsky, Crisanti & Sommers 1988; Mastrogiuseppe & Ostojic 2018 for low-rank plus random connectivity).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import erf

Floats = npt.NDArray[np.float64]

NEWTON_STEPS = 50
"""Largest number of steps. Convergence is quadratic except at |kappa| = 0 and g = 1, where steps halve the distance."""


def phi(x: Floats | float) -> Floats:
    """The nonlinearity erf(sqrt(pi) x / 2), with slope 1 at 0 and saturation at +-1.

    Args:
        x: [..].

    Returns:
        [..].
    """
    return np.asarray(erf(np.sqrt(np.pi) / 2 * np.asarray(x)))


def gain(variance: Floats | float) -> Floats:
    """G(Delta), the mean slope of phi over Gaussian states.

    Args:
        variance: [..], the variance Delta of the states.

    Returns:
        [..], G.
    """
    return 1 / np.sqrt(1 + np.pi / 2 * np.asarray(variance))


def gain_slope(variance: Floats | float) -> Floats:
    """The derivative G'(Delta) = -(pi / 4) G^3.

    Args:
        variance: [..], the variance Delta of the states.

    Returns:
        [..], G'.
    """
    return -np.pi / 4 * gain(variance) ** 3


def power(variance: Floats | float) -> Floats:
    """C(Delta), the mean of phi^2 over Gaussian states.

    Args:
        variance: [..], the variance Delta of the states.

    Returns:
        [..], C.
    """
    u = np.pi / 2 * np.asarray(variance)
    return 2 / np.pi * np.arcsin(u / (1 + u))


def power_slope(variance: Floats | float) -> Floats:
    """The derivative C'(Delta).

    Args:
        variance: [..], the variance Delta of the states.

    Returns:
        [..], C'.
    """
    u = np.pi / 2 * np.asarray(variance)
    return 1 / ((1 + u) * np.sqrt(1 + 2 * u))


def covariance_of_rates(covariance: Floats, variance_x: Floats, variance_y: Floats) -> Floats:
    """The mean E[phi(x) phi(y)] for jointly Gaussian x and y of mean 0.

    It is (2 / pi) asin((pi/2) c / sqrt((1 + (pi/2) v_x)(1 + (pi/2) v_y))).

    Args:
        covariance: [..], the covariance c of x and y.
        variance_x: [..], the variance v_x of x.
        variance_y: [..], the variance v_y of y.

    Returns:
        [..], the mean.
    """
    half = np.pi / 2
    root = np.sqrt((1 + half * variance_x) * (1 + half * variance_y))
    return 2 / np.pi * np.arcsin(np.clip(half * covariance / root, -1, 1))


def mean_squared_slope(variance: Floats | float) -> Floats:
    """The mean squared slope E[phi'(h)^2] = 1 / sqrt(1 + pi Delta), a Gaussian average of exp(-pi h^2 / 2).

    It is at least G^2 by Jensen's inequality.

    Args:
        variance: [..], the variance Delta of the states.

    Returns:
        [..], the mean.
    """
    return 1 / np.sqrt(1 + np.pi * np.asarray(variance))


def total_variance(kappa_squared: Floats | float, g: Floats | float) -> Floats:
    """The variance Delta of stationary states: the largest solution of Delta - g^2 C(Delta) = |kappa|^2.

    The left side is convex because C is concave. Below g = 1 it rises from 0, so there is one solution. Above g = 1 a
    network settles to the largest solution; at |kappa| = 0 the unstable state of rest is another one.

    Args:
        kappa_squared: [..], |kappa|^2.
        g: [..], strength of the random connectivity; broadcasts with `kappa_squared`.

    Returns:
        [..], Delta.
    """
    kappa_squared = np.asarray(kappa_squared, dtype=float)
    # C < 1, so this start lies above the solution, and from there Newton's method decreases monotonically to it.
    g2 = np.asarray(g, dtype=float) ** 2
    variance = kappa_squared + g2
    for _ in range(NEWTON_STEPS if np.any(g2 > 0) else 0):
        excess = variance - g2 * power(variance) - kappa_squared
        step = excess / np.maximum(1 - g2 * power_slope(variance), 1e-15)
        variance = variance - step
        if np.all(np.abs(step) <= 1e-14 * variance):
            break
    return np.maximum(variance, kappa_squared)


def variance_at_readout(target: float, g: float = 0.0) -> float:
    """The variance Delta of the stationary state with readout G(Delta) kappa = target, by bisection on kappa.

    Args:
        target: the readout.
        g: strength of the random connectivity.

    Returns:
        Delta.

    Raises:
        ValueError: the target is negative, or sqrt(2 / pi) or more, which no readout G kappa reaches.
    """
    if not 0 <= target < np.sqrt(2 / np.pi):
        raise ValueError(
            f"target {target} is out of range: it must be at least 0 and below sqrt(2 / pi) = 0.798, where the readout "
            "saturates"
        )
    low, high = 0.0, 1.0
    while gain(total_variance(high**2, g)) * high < target:
        high *= 2
    for _ in range(80):
        kappa = (low + high) / 2
        low, high = (kappa, high) if gain(total_variance(kappa**2, g)) * kappa < target else (low, kappa)
    return float(total_variance(low**2, g))
