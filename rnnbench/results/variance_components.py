"""Components of the variance of I(A, B) between rows, columns, pairs and seeds, for tables without a diagonal.

The model is the social relations model with replicates (Warner, Kenny & Stoto 1979, J. Pers. Soc. Psychol. 37:1742):

    I(A, B, seed) = mean + row(A) + column(B) + pair(A, B) + what differs between seeds

A task's row and column effects may be correlated, and so may the effects of (A, B) and (B, A). Everything that differs
between seeds has the same structure again (a seed may shift all cells, or a row, or a column), since networks of one
seed that learnt the same A are the same network up to then.

The estimator is MINQUE(0) (Rao 1971, J. Multivar. Anal. 1:257): the products of two centred values are regressed on
what the two cells have in common. It is unbiased for any pattern of missing cells. For complete tables without a
diagonal it is the estimator of Warner, Kenny & Stoto.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

TERMS = ("A", "B", "pair", "seeds")
"""The components, in this order everywhere."""
BLOCK = 512
"""Number of cells that are compared with all cells at a time."""
NEGLIGIBLE = 1e-9
"""Relative size below which an eigenvalue of the equations is regarded as 0."""


@dataclass(frozen=True)
class Cells:
    """The cells of a table: one for each network, [cell].

    Attributes:
        first: index of the task A.
        second: index of the task B.
        seed: index of the seed.
        value: the value, finite.
    """

    first: Whole
    second: Whole
    seed: Whole
    value: Floats

    def where(self, chosen: npt.NDArray[np.bool_]) -> Cells:
        """The cells at which `chosen` [cell] is true."""
        return Cells(self.first[chosen], self.second[chosen], self.seed[chosen], self.value[chosen])

    def without_seed(self, seed: int) -> Cells:
        """The cells of all other seeds."""
        return self.where(self.seed != seed)

    def without_task(self, task: int) -> Cells:
        """The cells of all pairs that `task` is not part of."""
        return self.where((self.first != task) & (self.second != task))


def _structures() -> Floats:
    """What the covariance of two cells is made of, [component, what the two cells have in common].

    The second axis has one place for each combination of five facts, as bits: the same A; the same B; A of the first
    is B of the second; B of the first is A of the second; the same seed.
    """
    bits = (np.arange(32)[:, None] >> np.arange(5)) & 1
    a, b, ab, ba, seed = bits.T
    between = [a, b, a * b, ab + ba, ab * ba]
    return np.array([*between, *(each * seed for each in between), seed], dtype=float)


STRUCTURES = _structures()
WANTED = np.zeros((4, len(STRUCTURES)))
"""The four components as sums of the components of the model."""
WANTED[range(3), range(3)] = 1
WANTED[3, [5, 6, 7, 10]] = 1


def variance_components(cells: Cells) -> Floats:
    """Unbiased estimates of the variances between single cells that are due to A, B, the pair and the seed.

    "Seeds" is everything that changes from seed to seed, also where all cells of a seed, or of a seed and a task,
    change together.

    Args:
        cells: the cells; pairs of different tasks only, at most one cell for each pair and seed.

    Returns:
        The variances in the order of `TERMS` [4]; a small component may be estimated as negative. NaN where the cells
        do not determine a component: fewer than four tasks, two seeds, or too many cells missing.
    """
    n = len(cells.value)
    if n < 2:
        return np.full(4, math.nan)
    centred = cells.value - cells.value.mean()
    numbers, sums = _in_common(cells, centred)
    rows = numbers @ STRUCTURES.T  # V_k 1, [cell, component]
    totals = rows.sum(axis=0)
    # tr(M V_k M V_l) with M = I - 1 1'/n, and y' M V_k M y
    gram = (STRUCTURES * numbers.sum(axis=0)) @ STRUCTURES.T - 2 / n * rows.T @ rows + np.outer(totals, totals) / n**2
    moments = centred @ sums @ STRUCTURES.T
    return _solve(gram, moments)


def _in_common(cells: Cells, centred: Floats) -> tuple[Floats, Floats]:
    """For each cell, the number of cells, and the sum of their values, that have something in common with it.

    Returns:
        Both [cell, what the two cells have in common], with the places of `_structures`.
    """
    n = len(centred)
    numbers, sums = np.empty((n, 32)), np.empty((n, 32))
    for start in range(0, n, BLOCK):
        part = slice(start, min(start + BLOCK, n))
        first, second, seed = (each[part, None] for each in (cells.first, cells.second, cells.seed))
        code = (first == cells.first) + 2 * (second == cells.second) + 4 * (first == cells.second)
        code += 8 * (second == cells.first) + 16 * (seed == cells.seed)
        size = code.shape[0]
        place = (code + 32 * np.arange(size)[:, None]).ravel()
        numbers[part] = np.bincount(place, minlength=32 * size).reshape(size, 32)
        weights = np.broadcast_to(centred, code.shape).ravel()
        sums[part] = np.bincount(place, weights, minlength=32 * size).reshape(size, 32)
    return numbers, sums


def _solve(gram: Floats, moments: Floats) -> Floats:
    """Solve for the wanted components; NaN for those that the equations do not determine."""
    size = np.sqrt(np.maximum(np.diag(gram), 0))
    used = size > NEGLIGIBLE * size.max(initial=1.0)
    scaled = gram[np.ix_(used, used)] / np.outer(size[used], size[used])
    inverse = np.linalg.pinv(scaled, rtol=NEGLIGIBLE, hermitian=True)
    components = np.zeros(len(gram))
    components[used] = inverse @ (moments[used] / size[used]) / size[used]
    # A sum of components is determined if its coefficients are in the space that the equations span.
    coefficients = WANTED[:, used] / size[used]
    spanned = np.abs(coefficients @ inverse @ scaled - coefficients).max(axis=1, initial=0.0)
    known = (spanned <= 1e-6 * np.abs(coefficients).max(axis=1, initial=1e-300)) & (WANTED[:, used] != 0).any(axis=1)
    return np.where(known, WANTED @ components, math.nan)


def shares_of(variances: Floats) -> Floats:
    """Shares of the variance between cells, with negative estimates of a variance as 0.

    Args:
        variances: [term].

    Returns:
        The shares [term], which sum to 1; NaN if a variance is unknown or all are 0.
    """
    positive = np.where(variances < 0, 0.0, variances)
    total = positive.sum()
    return positive / total if total > 0 else np.full(len(positive), math.nan)
