"""Fast Gaussian noise: every input has noise at every step, which takes most of the time of drawing a trial."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import numpy as np

LEVELS = 2**16
"""Number of quantiles that noise is drawn from with equal probability: from -4.17 to 4.17, variance 0.99999."""


def gaussian(rng: np.random.Generator, shape: tuple[int, ...], std: float) -> np.ndarray:
    """Draw normal numbers of mean 0 and standard deviation `std`, three times faster than `rng.standard_normal`.

    Returns:
        float32 of `shape`.
    """
    n = math.prod(shape)
    # 64 random bits give four levels of 16 bits. No level is out of bounds; mode="clip" skips the check for that.
    levels = rng.integers(2**64, size=math.ceil(n / 4), dtype=np.uint64).view(np.uint16)[:n]
    return (np.float32(std) * _quantiles()).take(levels, mode="clip").reshape(shape)


@cache
def _quantiles() -> np.ndarray:
    """Quantiles of the standard normal distribution in the middle of LEVELS equal parts, [level] float32."""
    lower = [NormalDist().inv_cdf((k + 0.5) / LEVELS) for k in range(LEVELS // 2)]
    return np.array(lower + [-z for z in reversed(lower)], np.float32)
