"""Agreement of two interference matrices as wholes: correlation of their off-diagonal entries, with a valid test.

Entries of one row (or of one column) share a task, so they are not independent, and the usual test of a correlation
gives too many false positives. Quadratic assignment permutes the tasks of one matrix, rows and columns together, which
keeps that dependence (Hubert 1987; Krackhardt 1988). The matrices are asymmetric, so both triangles are used. The
diagonal (A, then more of A) measures drift and is left out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

MIN_TASKS = 5
"""With fewer tasks there are at most 4! = 24 permutations, too few for a useful p-value."""
MOST_EXACT = 7
"""Largest number of tasks for which all permutations are used."""
N_RANDOM = 10_000
"""Number of permutations for more tasks."""


@dataclass(frozen=True)
class Whole:
    """Agreement of two matrices. The coefficients are NaN if there are fewer than three entries or no spread.

    Attributes:
        n_tasks: number of tasks.
        n_entries: number of off-diagonal entries that have a mean in both labs.
        concordance: Lin's concordance correlation coefficient.
        pearson: Pearson's correlation.
        spearman: Spearman's rank correlation.
        p: one-sided p-value of no association, by quadratic assignment; None for fewer than five tasks.
    """

    n_tasks: int
    n_entries: int
    concordance: float
    pearson: float
    spearman: float
    p: float | None


def whole(a: Floats, b: Floats, rng: np.random.Generator) -> Whole:
    """Agreement of two matrices of mean interference.

    Args:
        a: means of the first lab, [first task, second task], NaN where there is none.
        b: means of the second lab, of the same shape.
        rng: draws permutations of the tasks where not all are used.
    """
    x, y = off_diagonal(a, b)
    defined = len(x) >= 3 and np.ptp(x) > 0 and np.ptp(y) > 0
    if not defined:
        return Whole(len(a), len(x), np.nan, np.nan, np.nan, None)
    p = quadratic_assignment(a, b, rng) if len(a) >= MIN_TASKS else None
    spearman = float(stats.spearmanr(x, y).statistic)
    return Whole(len(a), len(x), concordance(x, y), float(np.corrcoef(x, y)[0, 1]), spearman, p)


def off_diagonal(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The off-diagonal entries that are finite in both matrices.

    Args:
        a: first matrix, [task, task].
        b: second matrix, [task, task].

    Returns:
        Two arrays [entry], in the same order.
    """
    known = np.isfinite(a) & np.isfinite(b) & ~np.eye(len(a), dtype=bool)
    return a[known], b[known]


def concordance(x: Floats, y: Floats) -> float:
    """Concordance correlation: 2 s_xy / (s_x^2 + s_y^2 + (m_x - m_y)^2), with moments divided by n.

    It is 1 only if all values are equal, whereas Pearson's correlation ignores a shift or a change of scale.
    Source: Lin 1989.

    Args:
        x: entries of the first matrix, [entry].
        y: entries of the second matrix, [entry].
    """
    product = float(np.mean((x - x.mean()) * (y - y.mean())))
    return 2 * product / float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def quadratic_assignment(a: Floats, b: Floats, rng: np.random.Generator, n_random: int = N_RANDOM) -> float:
    """One-sided p-value of the correlation of off-diagonal entries, by quadratic assignment.

    Args:
        a: first matrix, [task, task], NaN where an entry is missing.
        b: second matrix, [task, task]; its tasks are permuted.
        rng: draws the permutations for more than seven tasks; up to seven tasks all permutations are used.
        n_random: number of permutations for more than seven tasks, including the identity.

    Returns:
        Fraction of the permutations of b's tasks whose correlation is at least the observed one.
    """
    n = len(a)
    if n <= MOST_EXACT:
        permutations = np.array(list(itertools.permutations(range(n))))  # the first is the identity
    else:
        drawn = rng.permuted(np.tile(np.arange(n), (n_random - 1, 1)), axis=1)
        permutations = np.vstack([np.arange(n), drawn])
    parts = np.array_split(permutations, max(1, len(permutations) // 1000))
    r = np.concatenate([_correlations(a, b, part) for part in parts])
    return float(np.mean(r >= r[0] - 1e-12))


def _correlations(a: Floats, b: Floats, permutations: npt.NDArray[np.int64]) -> Floats:
    """Correlation of the off-diagonal entries known in both matrices, for each permutation of b's tasks."""
    off = ~np.eye(len(a), dtype=bool)
    x = np.broadcast_to(a[off], (len(permutations), int(off.sum())))
    y = b[permutations[:, :, None], permutations[:, None, :]][:, off]
    known = np.isfinite(x) & np.isfinite(y)
    n = known.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(known, x - np.where(known, x, 0).sum(axis=1, keepdims=True) / n, 0)
        y = np.where(known, y - np.where(known, y, 0).sum(axis=1, keepdims=True) / n, 0)
        r = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return np.where(np.isfinite(r), r, -1.0)
