"""Size of the differences: studentised bootstrap intervals over seeds, for each entry and for all entries together.

Each resample is divided by its own standard error (bootstrap-t; Efron & Tibshirani 1993, section 12.5). With few seeds
the percentile bootstrap is too narrow, and these intervals are wider. They are symmetric around the difference. Labs
that are alike have the same skewness, so the difference between them has none, and an asymmetric interval would only
follow the skewness of the sample (measured in docs/compare.md). A hundredth of the margin is added to every standard
error. Without it, three seeds that almost agree would have an infinite interval, because some of their resamples have
no spread at all.

The intervals of all entries hold simultaneously, each with the same share of the error (balanced simultaneous
intervals, Beran 1988). For equivalence each entry also has its own 90 % interval, whose two ends are two one-sided
tests at 5 % (Schuirmann 1987).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnbench.reports.comparison.resampling import N_RESAMPLES, Design, Floats

LEVEL = 0.95
EQUIVALENCE_LEVEL = 0.05
FLOOR = 0.01
"""Added to every standard error, as a fraction of the margin."""


@dataclass(frozen=True)
class Intervals:
    """Differences b - a with their intervals, each [entry]; the intervals are infinite where seeds are too few.

    Attributes:
        difference: mean of lab b minus mean of lab a.
        error: standard error of the difference.
        low: lower ends of the simultaneous 95 % intervals.
        high: upper ends of the simultaneous 95 % intervals.
        alone_low: lower ends of the entries' own 90 % intervals (5 % on either side).
        alone_high: upper ends of the entries' own 90 % intervals.
        p_outside: p-value for a true difference of the margin or more; the same test as the 90 % interval.
    """

    difference: Floats
    error: Floats
    low: Floats
    high: Floats
    alone_low: Floats
    alone_high: Floats
    p_outside: Floats


def intervals(design: Design, margin: float, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Intervals:
    """Compute the intervals of the difference in each entry.

    Args:
        design: values of the two labs.
        margin: difference that is regarded as negligible, in units of interference.
        rng: draws the resamples.
        n_resamples: number of bootstrap resamples.
    """
    difference, error, _ = design.observed
    wide = error + FLOOR * margin
    resamples = design.bootstrap(rng, n_resamples)
    sizes = np.concatenate([_pivot(c.difference - difference, c.error + FLOOR * margin) for c in resamples])
    half = _balanced(sizes) * wide
    alone = np.quantile(sizes, 1 - 2 * EQUIVALENCE_LEVEL, axis=0, method="higher").astype(float) * wide
    # One-sided: half of the resamples that deviate at least as far as the distance to the nearer end of the margin.
    outside = np.where(np.abs(difference) < margin, (sizes >= (margin - np.abs(difference)) / wide).mean(axis=0) / 2, 1)
    return Intervals(
        difference, error, difference - half, difference + half, difference - alone, difference + alone, outside
    )


def _pivot(deviation: Floats, error: Floats) -> npt.NDArray[np.float32]:
    """|t| of each resample; infinite where fewer than two networks count, which makes the interval wider."""
    t = np.abs(deviation) / error
    return np.where(np.isnan(t), np.inf, t).astype(np.float32)


def _balanced(size: npt.NDArray[np.float32]) -> Floats:
    """Bound on |t| for each entry such that 95 % of the resamples are within all bounds.

    Args:
        size: |t|, [resample, entry].

    Returns:
        The bounds, [entry].
    """
    n_resamples, n_entries = size.shape
    if not n_entries:
        return np.zeros(0)
    ordered = np.sort(size, axis=0)
    ranks = np.zeros(n_resamples, dtype=int)
    for entry in range(n_entries):
        ranks = np.maximum(ranks, np.searchsorted(ordered[:, entry], size[:, entry], side="left"))
    rank = int(np.quantile(ranks, LEVEL, method="higher"))
    return ordered[rank].astype(float)
