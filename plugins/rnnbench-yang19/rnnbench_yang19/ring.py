"""A ring of units with preferred directions: how it shows a direction, and how one is read from it."""

from __future__ import annotations

import numpy as np

WIDTH = np.pi / 8
"""Standard deviation of a bump (radians)."""

HEIGHT = 0.8
"""Activity of a unit at whose preferred direction a stimulus of strength 1, or a response, lies."""


def preferred(n_units: int) -> np.ndarray:
    """Preferred directions (radians), evenly spaced from 0: [unit]."""
    return 2 * np.pi * np.arange(n_units) / n_units


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The shorter way round between directions (radians), 0 to pi; NaN where either is NaN."""
    apart = np.abs(one - other) % (2 * np.pi)
    return np.minimum(apart, 2 * np.pi - apart)


def bump(direction: np.ndarray, n_units: int) -> np.ndarray:
    """HEIGHT exp(-d^2 / (2 WIDTH^2)), d the distance to each preferred direction: [..] radians -> [.., unit]."""
    d = distance(direction[..., None], preferred(n_units))
    return HEIGHT * np.exp(-((d / WIDTH) ** 2) / 2)


def population_vector(activity: np.ndarray) -> np.ndarray:
    """Direction (radians, 0 to 2 pi) of the sum of preferred directions weighted by activity: [.., unit] -> [..].

    NaN where that sum is zero, as for silence: no direction is shown.
    """
    directions = preferred(activity.shape[-1])
    x, y = activity @ np.cos(directions), activity @ np.sin(directions)
    silent = np.hypot(x, y) <= 1e-9 * np.abs(activity).sum(axis=-1)
    return np.where(silent, np.nan, np.arctan2(y, x) % (2 * np.pi))
