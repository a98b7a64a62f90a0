"""Weighted sums over seeds give means, standard errors, bootstrap resamples and permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from rnnbench.reports.comparison.resampling import Independent, Paired, moments


@pytest.fixture
def labs() -> tuple[np.ndarray, np.ndarray]:
    """Two labs [seed, entry] of 4 and 3 seeds; one network of the first does not count in the second entry."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(4, 2)), rng.normal(1, 2, size=(3, 2))
    a[1, 1] = np.nan
    return a, b


def test_moments_with_counts_are_those_of_the_repeated_values():
    values, counts = np.array([[1.0], [4.0], [np.nan], [9.0]]), np.array([[2.0, 0, 3, 1]])
    n, mean, variance = moments(values, counts)
    assert (n[0, 0], mean[0, 0]) == (3, pytest.approx(np.mean([1, 1, 9])))
    assert variance[0, 0] == pytest.approx(np.var([1, 1, 9], ddof=1))


def test_difference_over_error_is_welchs_t(labs):
    a, b = labs
    difference, error, freedom = Independent(a, b).observed
    expected = stats.ttest_ind(b, a, equal_var=False, nan_policy="omit")
    assert difference / error == pytest.approx(np.asarray(expected.statistic), rel=1e-12)
    assert freedom == pytest.approx(np.asarray(expected.df), rel=1e-12)


def test_for_the_same_seeds_it_is_the_paired_t():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    difference, error, freedom = Paired(a, b).observed
    assert difference / error == pytest.approx(stats.ttest_rel(b, a).statistic, rel=1e-12)
    assert freedom == pytest.approx(stats.ttest_rel(b, a).df)


def test_arrangements_are_all_assignments_of_seeds_with_the_observed_one_first(labs):
    a, b = labs
    both = np.vstack([a, b])
    found = np.concatenate([one.difference for one in Independent(a, b).arrangements(np.random.default_rng(0), 10)])
    expected = []
    for chosen in itertools.combinations(range(7), 4):
        rest = [k for k in range(7) if k not in chosen]
        expected.append(np.nanmean(both[rest], axis=0) - np.nanmean(both[list(chosen)], axis=0))
    assert len(found) == Independent(a, b).n_arrangements == 35
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    assert found[0] == pytest.approx(Independent(a, b).observed[0])


def test_pairs_are_exchanged_seed_by_seed():
    a, b = np.array([[0.0], [0.0], [0.0]]), np.array([[1.0], [2.0], [4.0]])
    found = np.concatenate([one.difference for one in Paired(a, b).arrangements(np.random.default_rng(0), 10)])
    assert sorted(3 * found[:, 0]) == pytest.approx([-7, -5, -3, -1, 1, 3, 5, 7])
    assert 3 * found[0, 0] == pytest.approx(7)


def test_many_seeds_are_assigned_at_random_with_the_observed_assignment_included():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 1
    for design in (Independent(a, b), Paired(a, b)):
        found = np.concatenate([one.difference for one in design.arrangements(rng, 4000)])
        assert len(found) == 4000 and found[0] == pytest.approx(design.observed[0])
        # The mean over arrangements is 0; for 4000 of them its standard error is below 0.006.
        assert np.abs(found[1:].mean(axis=0)).max() < 0.025


def test_the_bootstrap_spreads_like_the_standard_error():
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    for design in (Independent(a, b), Paired(a, b)):
        difference, error, _ = design.observed
        found = np.concatenate([one.difference for one in design.bootstrap(rng, 4000)])
        assert found.mean(axis=0) == pytest.approx(difference, abs=0.02)
        # The bootstrap variance divides by n, the standard error by n - 1; 4000 resamples estimate it to 1.1 %.
        assert found.std(axis=0) == pytest.approx(error * np.sqrt(29 / 30), rel=0.05)
