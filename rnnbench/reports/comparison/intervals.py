"""How large the differences are: studentised bootstrap intervals over seeds, for each cell and for all at once.

A resample's error is its own, as the data's is (bootstrap-t; Efron & Tibshirani 1993, section 12.5): with few seeds it
is wide where the percentile bootstrap is too narrow. Both ends lie as far from the difference: like labs are skewed
alike, which their difference is not, and two separate ends would only follow the sample's own skewness (measured in
docs/compare.md). A hundredth of the margin is added to every error, so that three seeds that all but agree, some
resamples of which have no spread at all, are not called infinitely uncertain.

The intervals of all cells hold together, each with the same share of the error (balanced simultaneous intervals, Beran
1988). For equivalence each cell has a 90 % interval of its own, whose two ends are two one-sided tests at 5 %
(Schuirmann 1987).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnbench.reports.comparison.resampling import N_RESAMPLES, Design, Floats

LEVEL = 0.95
EQUIVALENCE_LEVEL = 0.05
FLOOR = 0.01
"""What is added to every error, as a fraction of the margin."""


@dataclass(frozen=True)
class Intervals:
    """Differences b - a with intervals, each [cell]; infinite where the seeds are too few.

    low, high                 all true differences lie within at 95 %
    alone_low, alone_high     this cell's own, 90 %: 5 % on either side
    p_outside                 of a true difference of the margin or more: the same test, told as a p-value
    """

    difference: Floats
    error: Floats
    low: Floats
    high: Floats
    alone_low: Floats
    alone_high: Floats
    p_outside: Floats


def intervals(design: Design, margin: float, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Intervals:
    """Intervals of the difference in each cell."""
    difference, error, _ = design.observed
    wide = error + FLOOR * margin
    resamples = design.bootstrap(rng, n_resamples)
    sizes = np.concatenate([_pivot(c.difference - difference, c.error + FLOOR * margin) for c in resamples])
    half = _balanced(sizes) * wide
    alone = np.quantile(sizes, 1 - 2 * EQUIVALENCE_LEVEL, axis=0, method="higher").astype(float) * wide
    # A side has half of the resamples that are as far from the difference as the nearer end of the margin is.
    outside = np.where(np.abs(difference) < margin, (sizes >= (margin - np.abs(difference)) / wide).mean(axis=0) / 2, 1)
    return Intervals(
        difference, error, difference - half, difference + half, difference - alone, difference + alone, outside
    )


def _pivot(deviation: Floats, error: Floats) -> npt.NDArray[np.float32]:
    """|t| of each resample; one without two networks that count says nothing and counts against the interval."""
    t = np.abs(deviation) / error
    return np.where(np.isnan(t), np.inf, t).astype(np.float32)


def _balanced(size: npt.NDArray[np.float32]) -> Floats:
    """For each cell the |t| that it stays below when all of them do, in 95 % of the resamples [resample, cell]."""
    n_resamples, n_cells = size.shape
    if not n_cells:
        return np.zeros(0)
    ordered = np.sort(size, axis=0)
    ranks = np.zeros(n_resamples, dtype=int)
    for cell in range(n_cells):
        ranks = np.maximum(ranks, np.searchsorted(ordered[:, cell], size[:, cell], side="left"))
    rank = int(np.quantile(ranks, LEVEL, method="higher"))
    return ordered[rank].astype(float)
