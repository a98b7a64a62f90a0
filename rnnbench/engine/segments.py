"""Long trials in segments of time, so that what backpropagation has to keep fits into memory.

Beyond a bound only the states at the segments' starts are kept; on the way back each segment is computed once more, the
last one first (checkpointing: Griewank & Walther 2000, ACM TOMS 26, 19-45; Chen et al. 2016, arXiv:1604.06174). The
gradient is the same but for the order in which its parts are added up. The bound is a constant, not the memory of
the machine at hand: one description gives the same numbers everywhere.
"""

from __future__ import annotations

import math
from itertools import pairwise

KEPT = 512 * 2**20
"""Bytes of states that are kept for one network. All shipped benchmarks are below it."""


def segments(n_steps: int, bytes_per_step: int) -> list[slice]:
    """The steps in as few segments, as equally long, as keep within the bound; one where all of them do."""
    n = min(n_steps, max(1, math.ceil(n_steps * bytes_per_step / KEPT)))
    bounds = [k * n_steps // n for k in range(n + 1)]
    return [slice(a, b) for a, b in pairwise(bounds)]
