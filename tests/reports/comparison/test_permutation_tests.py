"""Permutation p-values, against explicit enumeration, and their error rates for any number of seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from rnnbench.reports.comparison.permutation_tests import FLOOR, normal_score, omnibus
from rnnbench.reports.comparison.resampling import Contrast, Independent, Paired

RNG = np.random.default_rng(0)


def score_of(a: np.ndarray, b: np.ndarray, floor: float) -> np.ndarray:
    """Standard normal value with the tail probability of |t|, with the floor in its error and Welch's freedom."""
    v_a, v_b = a.var(axis=0, ddof=1) / len(a), b.var(axis=0, ddof=1) / len(b)
    t = np.abs(b.mean(axis=0) - a.mean(axis=0)) / (np.sqrt(v_a + v_b) + floor)
    freedom = (v_a + v_b) ** 2 / (v_a**2 / (len(a) - 1) + v_b**2 / (len(b) - 1))
    return stats.norm.isf(stats.t.sf(t, freedom))


def splits(values: np.ndarray, n: int):
    for chosen in itertools.combinations(range(len(values)), n):
        rest = [k for k in range(len(values)) if k not in chosen]
        yield values[list(chosen)], values[rest]


def test_p_is_the_fraction_of_all_assignments_of_seeds_to_labs():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(4, 3)), rng.normal(0.7, 1, size=(3, 3))
    found = omnibus(Independent(a, b), 0.5, RNG)
    t = np.array([score_of(x, y, FLOOR * 0.5) for x, y in splits(np.vstack([a, b]), 4)])
    seen = score_of(a, b, FLOOR * 0.5)
    p_largest = np.array([(t.max(axis=1) >= one - 1e-12).mean() for one in t.max(axis=1)])
    p_sum = np.array([((t**2).sum(axis=1) >= one - 1e-12).mean() for one in (t**2).sum(axis=1)])
    assert found.p_largest == pytest.approx((t.max(axis=1) >= seen.max() - 1e-12).mean())
    assert found.p_sum == pytest.approx(((t**2).sum(axis=1) >= (seen**2).sum() - 1e-12).mean())
    combined = np.minimum(p_largest, p_sum)
    assert found.p == pytest.approx((combined <= min(found.p_largest, found.p_sum) + 1e-12).mean())


def test_entries_are_adjusted_by_step_down_max_t():
    """Westfall & Young 1993, algorithm 4.1."""
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(4, 4)), rng.normal([0, 3, 1, 0.5], size=(4, 4))
    found = omnibus(Independent(a, b), 0.2, RNG).p_entries
    t = np.array([score_of(x, y, FLOOR * 0.2) for x, y in splits(np.vstack([a, b]), 4)])
    seen = score_of(a, b, FLOOR * 0.2)
    left, largest, expected = sorted(range(4), key=lambda j: -seen[j]), 0.0, {}
    while left:
        largest = max(largest, (t[:, left].max(axis=1) >= seen[left[0]] - 1e-12).mean())
        expected[left.pop(0)] = largest
    assert found == pytest.approx([expected[j] for j in range(4)])


@pytest.mark.parametrize("seed", range(3))
def test_over_all_splits_of_the_same_seeds_false_alarms_are_never_above_the_level(seed):
    """The test is exact: of all ways to split alike seeds at most a fraction alpha has p <= alpha."""
    values = np.random.default_rng(seed).lognormal(size=(8, 3))
    found = [omnibus(Independent(a, b), 0.2, RNG) for a, b in splits(values, 4)]
    for p in (np.array([one.p for one in found]), np.array([one.p_entries.min() for one in found])):
        for alpha in np.unique(p):
            assert (p <= alpha + 1e-12).mean() <= alpha + 1e-12
    assert min(one.p for one in found) == pytest.approx(found[0].smallest) == pytest.approx(2 / 70)


def test_over_all_exchanges_of_pairs_false_alarms_are_never_above_the_level():
    a, b = np.random.default_rng(7).lognormal(size=(2, 6, 3))
    p = []
    for signs in itertools.product((False, True), repeat=6):
        exchanged = np.array(signs)[:, None]
        p.append(omnibus(Paired(np.where(exchanged, b, a), np.where(exchanged, a, b)), 0.2, RNG).p)
    for alpha in np.unique(p):
        assert (np.array(p) <= alpha + 1e-12).mean() <= alpha + 1e-12


def test_the_sum_detects_many_small_shifts_and_the_largest_score_a_single_large_one():
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(2, 15, 30))
    everywhere = omnibus(Independent(a, b + 0.5), 0.2, rng, 2000)
    assert everywhere.p_sum < 0.01 < everywhere.p_entries.min()
    once = omnibus(Independent(a, b + 2.0 * (np.arange(30) == 3)), 0.2, rng, 2000)
    assert once.p_largest < 0.01 and np.flatnonzero(once.p_entries < 0.05).tolist() == [3]


def test_a_negligible_difference_in_an_entry_without_spread_is_not_significant():
    """Rounding with the same sign in every seed is a hundred standard errors and a thousandth of the margin."""
    rng = np.random.default_rng(9)
    a = rng.normal(size=(12, 5))
    noise = np.array([1e-6, 0.3, 0.3, 0.3, 0.3])
    b = a + noise * rng.normal(size=(12, 5)) + [2e-4, 0, 0, 0, 0]
    assert abs(np.divide(*Paired(a, b).observed[:2])[0]) > 100
    assert omnibus(Paired(a, b), 0.2, rng, 2000).p > 0.05


def test_identical_labs_have_p_1_and_an_empty_comparison_is_refused():
    a = np.random.default_rng(10).normal(size=(5, 2))
    assert omnibus(Paired(a, a), 0.2, RNG).p == 1
    with pytest.raises(ValueError, match="no entry"):
        omnibus(Paired(a[:, :0], a[:, :0]), 0.2, RNG)


@pytest.mark.parametrize("freedom", [2.0, 4.0, 10.0, 38.0, 1e6])
def test_the_normal_score_has_the_tail_of_t(freedom):
    """Wallace's approximation is within 3 % of the exact normal value for two or more degrees of freedom."""
    t = np.array([0.1, 0.5, 1.0, 2.0, 4.0, 8.0])
    ours = normal_score(Contrast(t, np.ones(6), np.full(6, freedom)), 0.0)
    assert ours == pytest.approx(stats.norm.isf(stats.t.sf(t, freedom)), rel=0.03)


def test_an_entry_without_a_standard_error_has_score_0():
    assert normal_score(Contrast(np.array([1.0]), np.array([np.nan]), np.array([3.0])), 0.1) == [0.0]


def test_normal_scores_limit_false_alarms_for_unequal_spread():
    """Three seeds have ten times the spread of the other lab's twenty, and the same mean.

    Permutation is exact only for labs that are alike in every respect. With |t| most of these runs would be false
    alarms; with normal scores some are.
    """
    rng = np.random.default_rng(3)
    false_alarms = 0
    for _ in range(60):
        a, b = rng.normal(0, 0.3, (20, 25)), rng.normal(0, 3.0, (3, 25))
        false_alarms += omnibus(Independent(a, b), 0.2, rng, 400).p <= 0.03
    assert false_alarms / 60 < 0.4
