"""Cuts long trials into segments of time, so that the states for backpropagation fit into memory.

Above a bound only the states at the starts of segments are kept. In the backward pass each segment is computed a second
time, the last one first (checkpointing: Griewank & Walther 2000, ACM TOMS 26, 19-45; Chen et al. 2016,
arXiv:1604.06174). The gradient changes only in the order of summation. The bound is a constant that does not depend on
the machine's memory, so that a benchmark is computed in the same way on every machine.
"""

from __future__ import annotations

import math
from itertools import pairwise

KEPT = 512 * 2**20
"""Largest memory (bytes) for the states of one network. All shipped benchmarks are below it."""


def segments(n_steps: int, bytes_per_step: int) -> list[slice]:
    """Divide time steps into the smallest number of segments of nearly equal length that fit the bound.

    Args:
        n_steps: time steps of a trial.
        bytes_per_step: memory for the states of one step (bytes).

    Returns:
        Slices of the time axis in order; a single one if the whole trial fits.
    """
    n = min(n_steps, max(1, math.ceil(n_steps * bytes_per_step / KEPT)))
    bounds = [k * n_steps // n for k in range(n + 1)]
    return [slice(a, b) for a, b in pairwise(bounds)]
