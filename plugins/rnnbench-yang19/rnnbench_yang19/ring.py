"""A ring of units with preferred directions: how it encodes a direction, and how a direction is decoded."""

from __future__ import annotations

import numpy as np

WIDTH = np.pi / 8
"""Standard deviation of a bump (radians)."""

HEIGHT = 0.8
"""Activity of a unit whose preferred direction is that of the response or of a stimulus of strength 1."""


def preferred(n_units: int) -> np.ndarray:
    """Return the preferred directions (radians), evenly spaced from 0, [unit]."""
    return 2 * np.pi * np.arange(n_units) / n_units


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the angle between two directions (radians), from 0 to pi; NaN where either is NaN."""
    apart = np.abs(one - other) % (2 * np.pi)
    return np.minimum(apart, 2 * np.pi - apart)


def bump(direction: np.ndarray, n_units: int) -> np.ndarray:
    """Encode a direction as HEIGHT exp(-d^2 / (2 WIDTH^2)), with d the distance to each preferred direction.

    Args:
        direction: directions (radians), [..].
        n_units: number of units of the ring.

    Returns:
        Activity of the units, [.., unit].
    """
    d = distance(direction[..., None], preferred(n_units))
    return HEIGHT * np.exp(-((d / WIDTH) ** 2) / 2)


def population_vector(activity: np.ndarray) -> np.ndarray:
    """Decode the direction of the sum of the unit vectors of preferred directions, weighted by activity.

    Args:
        activity: activity of the units, [.., unit].

    Returns:
        Directions (radians, 0 to 2 pi), [..]; NaN where the sum is 0, for example where all units are silent.
    """
    directions = preferred(activity.shape[-1])
    x, y = activity @ np.cos(directions), activity @ np.sin(directions)
    silent = np.hypot(x, y) <= 1e-9 * np.abs(activity).sum(axis=-1)
    return np.where(silent, np.nan, np.arctan2(y, x) % (2 * np.pi))
