"""Do two interference matrices agree as wholes? Agreement of their off-diagonal cells, and a test that is right.

Entries of a row (and of a column) share a task, so they are not independent, and a usual test of their correlation
finds agreement where there is none. Under quadratic assignment the tasks of one matrix are renamed, rows and columns
together, which keeps that dependence (Hubert 1987; Krackhardt 1988). The matrices are asymmetric: both triangles
count. The diagonal, A then more of A, is of another kind and is left out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

MIN_TASKS = 5
"""Below this there are at most 4! = 24 ways to rename the tasks: too few for a p-value that says something."""
MOST_EXACT = 7
N_RANDOM = 10_000


@dataclass(frozen=True)
class Whole:
    """Agreement of two matrices.

    n_tasks, n_cells                 tasks, and off-diagonal cells with a mean in both labs
    concordance, pearson, spearman   NaN where fewer than three cells or no spread leave them undefined
    p                                one-sided, of no association, by quadratic assignment; None below five tasks
    """

    n_tasks: int
    n_cells: int
    concordance: float
    pearson: float
    spearman: float
    p: float | None


def whole(a: Floats, b: Floats, rng: np.random.Generator) -> Whole:
    """Agreement of matrices of means a and b [first task, second task], NaN where there is none."""
    x, y = off_diagonal(a, b)
    told = len(x) >= 3 and np.ptp(x) > 0 and np.ptp(y) > 0
    if not told:
        return Whole(len(a), len(x), np.nan, np.nan, np.nan, None)
    p = quadratic_assignment(a, b, rng) if len(a) >= MIN_TASKS else None
    spearman = float(stats.spearmanr(x, y).statistic)
    return Whole(len(a), len(x), concordance(x, y), float(np.corrcoef(x, y)[0, 1]), spearman, p)


def off_diagonal(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The off-diagonal entries that are known in both, in the same order."""
    known = np.isfinite(a) & np.isfinite(b) & ~np.eye(len(a), dtype=bool)
    return a[known], b[known]


def concordance(x: Floats, y: Floats) -> float:
    """Concordance correlation: 2 s_xy / (s_x^2 + s_y^2 + (m_x - m_y)^2), moments over n.

    1 only if the values are the same, where a correlation also forgives a shift and another scale. Source: Lin 1989.
    """
    product = float(np.mean((x - x.mean()) * (y - y.mean())))
    return 2 * product / float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def quadratic_assignment(a: Floats, b: Floats, rng: np.random.Generator, n_random: int = N_RANDOM) -> float:
    """One-sided p of the correlation of off-diagonal entries: how often it is as large with b's tasks renamed.

    All ways of renaming up to seven tasks; above, `n_random` ways, the one seen included.
    """
    n = len(a)
    if n <= MOST_EXACT:
        renamed = np.array(list(itertools.permutations(range(n))))  # the first changes nothing
    else:
        ways = rng.permuted(np.tile(np.arange(n), (n_random - 1, 1)), axis=1)
        renamed = np.vstack([np.arange(n), ways])
    r = np.concatenate([_correlations(a, b, part) for part in np.array_split(renamed, max(1, len(renamed) // 1000))])
    return float(np.mean(r >= r[0] - 1e-12))


def _correlations(a: Floats, b: Floats, renamed: npt.NDArray[np.int64]) -> Floats:
    """Correlation of the off-diagonal entries known in both, for each way of renaming b's tasks."""
    off = ~np.eye(len(a), dtype=bool)
    x = np.broadcast_to(a[off], (len(renamed), int(off.sum())))
    y = b[renamed[:, :, None], renamed[:, None, :]][:, off]
    known = np.isfinite(x) & np.isfinite(y)
    n = known.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(known, x - np.where(known, x, 0).sum(axis=1, keepdims=True) / n, 0)
        y = np.where(known, y - np.where(known, y, 0).sum(axis=1, keepdims=True) / n, 0)
        r = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return np.where(np.isfinite(r), r, -1.0)
