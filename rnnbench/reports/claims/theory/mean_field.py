"""Gaussian averages of phi(x) = erf(sqrt(pi) x / 2), and the variance that random connectivity adds.

A unit's state is h_i = sum_a kappa_a u_a,i + delta_i with Gaussian patterns u_a and, from the random part g J of
the connectivity, a private Gaussian delta_i of variance Delta_0. With Delta = |kappa|^2 + Delta_0 the variance of h:

    G(Delta) = E[phi'(h)]  = 1 / sqrt(1 + pi Delta / 2)                                       the gain
    C(Delta) = E[phi(h)^2] = (2 / pi) asin(u / (1 + u)),  u = pi Delta / 2                    the power
    C'(Delta)              = 1 / ((1 + u) sqrt(1 + 2 u))
    Delta_0  = g^2 C(|kappa|^2 + Delta_0)                                                     stationary states

Derivation. phi'(x) = exp(-pi x^2 / 4), whose Gaussian average is the Gaussian integral above. C follows from
Price's theorem, dE[phi(x) phi(y)] / dcov = E[phi'(x) phi'(y)], integrated from 0 (Williams 1998, Neural
Computation 10:1203, has the kernel of erf). C' is its derivative. The equation for Delta_0 is the
stationary solution of dynamic mean-field theory (Sompolinsky, Crisanti & Sommers 1988; Mastrogiuseppe & Ostojic
2018 for low-rank plus random connectivity).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import erf

Floats = npt.NDArray[np.float64]

NEWTON_STEPS = 50
"""At most: convergence is quadratic but at |kappa| = 0 and g = 1, where each step halves the distance."""


def phi(x: Floats | float) -> Floats:
    """erf(sqrt(pi) x / 2): slope 1 at 0, saturating at +-1."""
    return np.asarray(erf(np.sqrt(np.pi) / 2 * np.asarray(x)))


def gain(variance: Floats | float) -> Floats:
    """G(Delta), the mean slope of phi over states of that variance."""
    return 1 / np.sqrt(1 + np.pi / 2 * np.asarray(variance))


def gain_slope(variance: Floats | float) -> Floats:
    """G'(Delta) = -(pi / 4) G^3."""
    return -np.pi / 4 * gain(variance) ** 3


def power(variance: Floats | float) -> Floats:
    """C(Delta), the mean of phi^2 over states of that variance."""
    u = np.pi / 2 * np.asarray(variance)
    return 2 / np.pi * np.arcsin(u / (1 + u))


def power_slope(variance: Floats | float) -> Floats:
    """C'(Delta)."""
    u = np.pi / 2 * np.asarray(variance)
    return 1 / ((1 + u) * np.sqrt(1 + 2 * u))


def covariance_of_rates(covariance: Floats, variance_x: Floats, variance_y: Floats) -> Floats:
    """E[phi(x) phi(y)] of jointly Gaussian x, y: (2 / pi) asin((pi/2) c / sqrt((1 + (pi/2) v_x)(1 + (pi/2) v_y)))."""
    half = np.pi / 2
    root = np.sqrt((1 + half * variance_x) * (1 + half * variance_y))
    return 2 / np.pi * np.arcsin(np.clip(half * covariance / root, -1, 1))


def mean_squared_slope(variance: Floats | float) -> Floats:
    """E[phi'(h)^2] = 1 / sqrt(1 + pi Delta), the Gaussian average of exp(-pi h^2 / 2); above G^2 by Jensen."""
    return 1 / np.sqrt(1 + np.pi * np.asarray(variance))


def total_variance(kappa_squared: Floats | float, g: Floats | float) -> Floats:
    """Delta of stationary states: Delta - g^2 C(Delta) = |kappa|^2, its largest solution; g broadcasts.

    The left side is convex, since C is concave: below g = 1 it rises from 0 and there is one solution; above g = 1
    the largest is the one that a network settles to (at |kappa| = 0 there is also the unstable rest).
    """
    kappa_squared = np.asarray(kappa_squared, dtype=float)
    # C < 1, so this is to the right of the solution, and from there Newton's method runs straight down to it.
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
    """Delta of the stationary state with readout G(Delta) kappa = target, by bisection on kappa.

    Raises:
        ValueError: no state reads out as much; G kappa < sqrt(2 / pi).
    """
    if not 0 <= target < np.sqrt(2 / np.pi):
        raise ValueError(f"target {target} must be from 0 to below sqrt(2 / pi) = 0.798, where the readout saturates")
    low, high = 0.0, 1.0
    while gain(total_variance(high**2, g)) * high < target:
        high *= 2
    for _ in range(80):
        kappa = (low + high) / 2
        low, high = (kappa, high) if gain(total_variance(kappa**2, g)) * kappa < target else (low, kappa)
    return float(total_variance(low**2, g))
