"""Do the labs differ at all, and in which cells? Permutation tests in which whole seeds are dealt out anew.

Two statistics look at all cells at once: the largest score, which finds a single cell, and the sum of squared scores,
which finds many small shifts. Their p-values are combined by the smaller one, whose own distribution over the same
arrangements gives the p-value of the whole (min-p; Pesarin & Salmaso 2010, section 4.2). Where the labs are alike
every arrangement is equally likely, so these p-values are exact at any number of seeds and any dependence between
cells. The cells are then gone through by step-down max-T (Westfall & Young 1993, section 2.6).

A cell's score is its t = difference / (error + floor) as the normal score of the same tail under its own degrees of
freedom (Wallace 1959). The floor keeps cells that hardly vary from shouting about differences that do not
matter (Tusher, Tibshirani & Chu 2001). The normal score keeps a few scattered seeds from doing so where the labs have
the same mean and unlike spread, for which dealing out seeds is not exact (Janssen 1997): docs/compare.md has both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rnnbench.reports.comparison.resampling import N_RESAMPLES, Contrast, Design, Floats

FLOOR = 0.1
"""The floor of the standard error, as a fraction of the margin."""


@dataclass(frozen=True)
class Omnibus:
    """p-values of no difference between two labs.

    p            over all cells, of the two statistics together
    p_largest    of the largest score
    p_sum        of the sum of squared scores
    p_cells      [cell], adjusted for all the others
    smallest     the smallest p that this many seeds allow
    """

    p: float
    p_largest: float
    p_sum: float
    p_cells: Floats
    smallest: float


def omnibus(design: Design, margin: float, rng: np.random.Generator, n_random: int = N_RESAMPLES) -> Omnibus:
    """The tests of all cells, over every arrangement of the seeds or `n_random` of them.

    A cell that has no t under an arrangement adds nothing to it.

    Raises ValueError where there is no cell.
    """
    floor = FLOOR * margin
    arranged = (normal_score(one, floor) for one in design.arrangements(rng, n_random))
    return combined(normal_score(design.observed, floor), arranged, design.symmetric)


def combined(observed: Floats, arranged: Iterable[Floats], symmetric: bool) -> Omnibus:
    """The tests from scores at or above 0: `observed` [cell], and [arrangement, cell] in parts, the real one first.

    symmetric   whether every arrangement has a mirror image of the same scores

    Raises ValueError where there is no cell.
    """
    if not observed.size:
        raise ValueError("no cell to test")
    order = np.argsort(-observed, kind="stable")
    largest, total, exceeding = [], [], np.zeros(len(observed))
    bound = observed[order] * (1 - 1e-9)  # arrangements that differ in nothing but rounding are equal
    for scores in arranged:
        largest.append(scores.max(axis=1))
        total.append((scores**2).sum(axis=1))
        # From the smallest up, each cell is held against the largest of those not above it.
        running = np.maximum.accumulate(scores[:, order[::-1]], axis=1)[:, ::-1]
        exceeding += (running >= bound).sum(axis=0)
    p_largest, p_total = _tail(np.concatenate(largest)), _tail(np.concatenate(total))
    both = np.minimum(p_largest, p_total)
    p_cells = np.empty(len(observed))
    p_cells[order] = np.maximum.accumulate(exceeding / len(both))
    p = float(np.mean(both <= both[0] * (1 + 1e-9)))
    # Exchanging the labs turns every difference round: of two labs of as many seeds, two arrangements are alike.
    return Omnibus(p, float(p_largest[0]), float(p_total[0]), p_cells, (2 if symmetric else 1) / len(both))


def normal_score(contrast: Contrast, floor: float) -> Floats:
    """|t| with the floor added to the error, as a standard normal's value of the same tail; 0 where it is not known.

    z = (8 f + 1) / (8 f + 3) sqrt(f log(1 + t^2 / f)) for f degrees of freedom. Source: Wallace 1959.
    """
    difference, error, f = contrast
    t = difference / (error + floor)
    z = (8 * f + 1) / (8 * f + 3) * np.sqrt(f * np.log1p(t**2 / f))
    return np.where(np.isfinite(z), z, 0.0)


def _tail(statistic: Floats) -> Floats:
    """For each arrangement the fraction of arrangements with a statistic as large; the first one is the real one."""
    scaled = np.round(statistic / statistic.max(), 9) if statistic.max() > 0 else statistic
    ordered = np.sort(scaled)
    return np.asarray(1 - np.searchsorted(ordered, scaled, side="left") / len(scaled), dtype=float)
