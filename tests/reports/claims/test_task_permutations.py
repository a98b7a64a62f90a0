"""The test by permuting tasks, compared with a regression on dummy variables for each permutation in turn."""

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from rnnbench.reports.claims.task_permutations import (
    association,
    correlation,
    interval_over_seeds,
    mean_over_seeds,
    off_diagonal,
    permutation_p,
)


def partial(a, b):
    """Spearman's correlation of the residuals of a regression on dummies of rows and columns, from its hat matrix."""
    n = len(a)
    first, second = np.nonzero(~np.eye(n, dtype=bool))
    dummies = [np.ones(len(first)), *(first == k for k in range(1, n)), *(second == k for k in range(1, n))]
    design = np.column_stack(dummies).astype(float)
    residuals = np.eye(len(design)) - design @ np.linalg.pinv(design)
    return spearmanr(*(residuals @ off_diagonal(matrix) for matrix in (a, b))).statistic


RNG = np.random.default_rng(1)


def test_association_is_that_of_the_residuals_averaged_over_strata():
    x, y = RNG.normal(size=(2, 3, 5, 5))
    expected = [partial(a, b) for a, b in zip(x, y, strict=True)]
    assert association(x, y) == pytest.approx(np.mean(expected), abs=1e-12)


def test_correlation_leaves_out_what_is_missing():
    x, y = RNG.normal(size=(2, 8))
    x[2], y[5] = np.nan, np.nan
    known = [0, 1, 3, 4, 6, 7]
    assert correlation(x, y) == pytest.approx(np.corrcoef(x[known], y[known])[0, 1], abs=1e-12)
    assert np.isnan(correlation(np.ones(4), RNG.normal(size=4)))


def test_every_permutation_of_four_tasks_by_hand():
    x, y = RNG.normal(size=(2, 1, 4, 4))
    y += 0.5 * x
    seen = partial(x[0], y[0])
    every = []
    for order in itertools.permutations(range(4)):
        permuted = x[0][np.ix_(order, order)]
        every.append(partial(permuted, y[0]))
    assert permutation_p(x, y, RNG) == np.mean(np.array(every) >= seen - 1e-9)


@pytest.mark.parametrize("n", [5, 8])
def test_a_planted_association_has_a_small_p_and_its_reverse_a_large_one(n):
    x = RNG.normal(size=(1, n, n))
    y = x + 0.2 * RNG.normal(size=(1, n, n))
    assert permutation_p(x, y, np.random.default_rng(0)) < 0.02
    assert permutation_p(-x, y, np.random.default_rng(0)) > 0.9


def test_row_effects_alone_are_rarely_taken_for_an_association():
    # The entries of a row are similar within each matrix, but the matrices are independent. Shuffling single entries
    # would find associations that do not exist.
    rng, found = np.random.default_rng(2), []
    for _ in range(200):
        x, y = (rng.normal(size=(1, 5, 1)) + 0.1 * rng.normal(size=(1, 5, 5)) for _ in range(2))
        found.append(permutation_p(x, y, rng))
    # Permuting tasks is exact, so the rate is 5 % up to three standard errors of 200 draws.
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_the_interval_over_seeds_holds_what_all_seeds_share():
    shared = RNG.normal(size=(1, 1, 5, 5))
    x, y = (shared + 0.1 * RNG.normal(size=(8, 1, 5, 5)) for _ in range(2))
    low, high = interval_over_seeds(x, y, np.random.default_rng(0), 0.95)
    assert 0.8 < low < high <= 1
    assert np.isnan(interval_over_seeds(x[:4], y[:4], RNG, 0.95)).all()
    assert np.isnan(mean_over_seeds(np.array([[np.nan, 1.0], [np.nan, 3.0]]))[0])
    assert mean_over_seeds(np.array([[np.nan, 1.0], [np.nan, 3.0]]))[1] == 2


def test_the_interval_over_seeds_covers_the_association_of_the_true_matrices():
    rng, covered = np.random.default_rng(3), 0
    for _ in range(100):
        a = rng.normal(size=(1, 1, 6, 6))
        b = 0.6 * a + 0.8 * rng.normal(size=a.shape)
        x, y = (matrix + 0.5 * rng.normal(size=(10, 1, 6, 6)) for matrix in (a, b))
        low, high = interval_over_seeds(x, y, rng, 0.95)
        covered += low <= float(association(a[0], b[0])) <= high
    assert covered > 88  # 97 %, less three standard errors of 2 to 3 %; a percentile bootstrap covers 83 %
