"""Agreement of matrices, against closed forms and brute force, and the false positives of a naive test."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from simulation import association_rates

from rnnbench.reports.comparison.matrix_agreement import concordance, off_diagonal, quadratic_assignment, whole

RNG = np.random.default_rng(0)


def matrices(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.random.default_rng(seed).normal(size=(2, n, n))
    return a[0], 0.5 * a[0] + a[1]


def test_concordance_of_a_shifted_and_stretched_copy_has_a_closed_form():
    """For y = u + v x the closed form is 2 v s^2 / (s^2 + v^2 s^2 + (u + (v - 1) m)^2), which is 1 only for y = x."""
    x = np.array([1.0, 2.0, 4.0, 7.0])
    m, s2, u, v = x.mean(), x.var(), 0.3, 1.4
    assert concordance(x, u + v * x) == pytest.approx(2 * v * s2 / (s2 + v**2 * s2 + (u + (v - 1) * m) ** 2))
    assert concordance(x, x) == pytest.approx(1) and concordance(x, 2 * m - x) == pytest.approx(-1)


def test_quadratic_assignment_equals_brute_force():
    a, b = matrices(5, 1)
    off = ~np.eye(5, dtype=bool)
    seen = np.corrcoef(a[off], b[off])[0, 1]
    ways = [np.corrcoef(a[off], b[np.ix_(way, way)][off])[0, 1] for way in map(list, itertools.permutations(range(5)))]
    assert quadratic_assignment(a, b, RNG) == pytest.approx(np.mean(np.array(ways) >= seen - 1e-12))


def test_both_triangles_count():
    """Matrices that agree above the diagonal only, and are each other's opposite below it, do not agree."""
    a, _ = matrices(6, 2)
    b = np.where(np.triu(np.ones((6, 6), dtype=bool)), a, -a)
    assert quadratic_assignment(a, a, RNG) == pytest.approx(1 / 720)
    assert quadratic_assignment(a, b, RNG) > 0.05


def test_the_diagonal_and_missing_entries_are_left_out():
    a, b = matrices(6, 3)
    changed = a + np.diag(np.full(6, 100.0))
    assert quadratic_assignment(changed, b, RNG) == quadratic_assignment(a, b, RNG)
    a[0, 1] = np.nan
    x, y = off_diagonal(a, b)
    found = whole(a, b, RNG)
    assert (found.n_entries, len(x)) == (29, 29)
    assert found.pearson == pytest.approx(stats.pearsonr(x, y).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic)


def test_random_permutations_give_a_stable_p():
    a, b = matrices(8, 4)
    b += 0.3 * a
    some = [quadratic_assignment(a, b, np.random.default_rng(seed), 3000) for seed in (1, 2)]
    # Standard error of a fraction p of 3000: below 0.004 for p < 0.05.
    assert abs(some[0] - some[1]) < 0.02 and min(some) >= 1 / 3000


def test_below_five_tasks_there_is_no_p():
    assert whole(*matrices(4, 5), RNG).p is None
    assert whole(*matrices(5, 5), RNG).p is not None
    assert np.isnan(whole(np.zeros((5, 5)), matrices(5, 5)[0], RNG).concordance)


def test_false_positives_are_at_the_nominal_level_where_a_naive_test_has_too_many():
    """Each lab has its own row and column effects, so entries are dependent. 400 runs: standard error 0.011 at 0.05."""
    assigned, naive = association_rates(6, 0.8, 400)
    assert assigned < 0.05 + 3 * 0.011
    assert naive > 0.12
