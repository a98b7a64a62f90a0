"""Confidence intervals: their coverage in simulations, and cases whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnbench.results.intervals import (
    FLOOR,
    by_seed_and_tasks,
    jackknife_interval,
    mean_interval,
    pseudo_values,
    task_interval,
)


def normal(rng, n):
    return rng.normal(size=n)


def lognormal(rng, n):
    return rng.lognormal(size=n) - math.exp(0.5)


def clusters(rng, n):
    """Half of the values near 0 and half near 1, shifted to mean 0."""
    return (rng.random(n) < 0.5) + 0.05 * rng.normal(size=n) - 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "n", "expected"),
    [
        (normal, 5, 0.96),
        (normal, 10, 0.95),
        (normal, 20, 0.95),
        (lognormal, 5, 0.86),
        (lognormal, 10, 0.86),
        (lognormal, 20, 0.89),
        (clusters, 5, 0.94),
        (clusters, 10, 0.99),
        (clusters, 20, 0.95),
    ],
)
def test_coverage_is_as_documented(draw, n, expected):
    rng, n_samples = np.random.default_rng(n), 2000
    covered = 0
    for _ in range(n_samples):
        low, high = mean_interval(draw(rng, n), rng, n_resamples=1000)
        covered += low <= 0 <= high
    # Three standard errors of the simulation, and half a percent for the rounding of the documented figures.
    assert covered / n_samples == pytest.approx(expected, abs=3 * math.sqrt(0.05 * 0.95 / n_samples) + 0.01)


def test_five_normal_values_are_covered_where_bca_is_too_narrow():
    rng, n_samples, ours, bca = np.random.default_rng(0), 250, 0, 0
    for _ in range(n_samples):
        values = rng.normal(size=5)
        low, high = mean_interval(values, rng, n_resamples=1000)
        ours += low <= 0 <= high
        peer = stats.bootstrap((values,), np.mean, rng=rng, n_resamples=1000, method="BCa").confidence_interval
        bca += peer.low <= 0 <= peer.high
    assert ours / n_samples > 0.92  # 96 %, less three standard errors of 1.3 %
    assert bca / n_samples < 0.91  # 83 %, plus three standard errors of 2.3 %


def test_the_interval_of_many_normal_values_is_students():
    values = np.random.default_rng(1).normal(2.0, 1.0, 400)
    low, high = mean_interval(values, np.random.default_rng(0))
    t_low, t_high = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    # The quantile of 10,000 resamples has a standard error of about 1 % of the half width.
    assert (low, high) == pytest.approx((t_low, t_high), abs=0.04 * (t_high - t_low) / 2)


def test_five_values_by_enumeration():
    values = np.array([0.0, 0.1, 0.3, 0.6, 1.0])
    every = np.stack(np.meshgrid(*[values] * 5), axis=-1).reshape(-1, 5)  # all 5^5 resamples
    error = stats.sem(values)
    t = np.abs(every.mean(axis=1) - values.mean()) / (every.std(axis=1, ddof=1) / math.sqrt(5) + FLOOR * error)
    half = np.quantile(t, 0.8) * (1 + FLOOR) * error
    low, high = mean_interval(values, np.random.default_rng(0), level=0.8)
    assert (low, high) == pytest.approx((0.4 - half, 0.4 + half), rel=0.05)  # 10,000 resamples instead of all


@pytest.mark.parametrize("values", [[], [0.4], [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4, math.nan]])
def test_fewer_than_five_known_values_have_no_interval(values):
    assert np.isnan(mean_interval(values, np.random.default_rng(0))).all()


def test_equal_values_have_an_interval_without_width():
    assert mean_interval([0.3] * 5, np.random.default_rng(0)) == pytest.approx((0.3, 0.3))


def test_the_interval_scales_with_the_values_and_depends_only_on_its_rng():
    values = np.random.default_rng(5).normal(size=12)
    once, again, other = (mean_interval(values, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert once == again != other
    scaled = mean_interval(3 * values + 2, np.random.default_rng(0))
    assert scaled == pytest.approx((3 * once[0] + 2, 3 * once[1] + 2))


def test_an_almost_equal_sample_has_a_bounded_interval():
    # 0.8^5 = 33 % of the resamples have no spread; without the floor the interval would be infinite.
    low, high = mean_interval([0.0, 0.0, 0.0, 0.0, 1.0], np.random.default_rng(0))
    assert -2 < low < 0 < high < 3


def test_pseudo_values_of_a_mean_are_the_values():
    values = np.random.default_rng(0).normal(size=7)
    without = [np.delete(values, k).mean() for k in range(7)]
    assert pseudo_values(values.mean(), without) == pytest.approx(values)


def test_the_jackknife_of_a_mean_is_its_interval_and_that_of_a_variance_covers_it():
    values = np.random.default_rng(0).normal(size=7)
    found = jackknife_interval(values.mean(), [np.delete(values, k).mean() for k in range(7)], np.random.default_rng(1))
    assert found == pytest.approx(mean_interval(values, np.random.default_rng(1)))
    rng, covered = np.random.default_rng(2), 0
    for _ in range(200):
        values = rng.uniform(size=20)
        without = [np.delete(values, k).var(ddof=1) for k in range(20)]
        low, high = jackknife_interval(values.var(ddof=1), without, rng)
        covered += low <= 1 / 12 <= high
    assert covered / 200 > 0.9  # 95 %, less three standard errors of 1.5 %


def draw_matrix(rng, n, shares, correlation=0.0):
    """A matrix with random rows, columns and pairs, all of mean 0, with these variances."""
    rows, columns = rng.normal(size=(2, n))
    columns = correlation * rows + math.sqrt(1 - correlation**2) * columns
    a, b, pair = np.sqrt(shares)
    return a * rows[:, None] + b * columns + pair * rng.normal(size=(n, n))


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 10])
@pytest.mark.parametrize(
    ("shares", "correlation"), [((0.12, 0.3, 0.58), 0), ((0.4, 0.4, 0.2), 0), ((0.3, 0.3, 0.4), 0.7), ((0, 0, 1), 0)]
)
def test_coverage_across_tasks(n, shares, correlation):
    rng, n_samples = np.random.default_rng(n), 700
    covered = 0
    for _ in range(n_samples):
        matrix = draw_matrix(rng, n, shares, correlation)
        low, high = task_interval(matrix, rng)
        covered += low <= 0 <= high
    least = 0.94 - 3 * math.sqrt(0.05 * 0.95 / n_samples)  # documented: 94 % or more
    assert covered / n_samples >= least


def test_rows_alone_give_the_interval_of_the_tasks():
    # If I(A, B) is an effect of A alone, the mean over pairs is the mean of the n effects.
    effects = np.random.default_rng(3).normal(size=8)
    matrix = np.repeat(effects[:, None], 8, axis=1)
    found = task_interval(matrix, np.random.default_rng(0))
    assert found == pytest.approx(mean_interval(effects, np.random.default_rng(0)))


def test_the_jackknife_variance_of_pairs_by_hand():
    # For independent pairs its expectation is 2 s^2 / (n (n - 2)); the mean itself has variance s^2 / (n (n - 1)).
    rng, n = np.random.default_rng(0), 6
    off = ~np.eye(n, dtype=bool)
    found = []
    for _ in range(2000):
        matrix = rng.normal(size=(n, n))
        without = [
            matrix[np.ix_(rest, rest)][off[1:, 1:]].mean() for k in range(n) if (rest := [*range(k), *range(k + 1, n)])
        ]
        values = pseudo_values(matrix[off].mean(), without)
        found.append(values.var(ddof=1) / n)
    assert np.mean(found) == pytest.approx(2 / (n * (n - 2)), rel=0.06)  # three standard errors are 5 %


def test_the_diagonal_and_missing_values_are_not_used():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 6, 6))
    once = task_interval(values, np.random.default_rng(1))
    values[:, range(6), range(6)] = 100.0
    assert task_interval(values, np.random.default_rng(1)) == once
    more = np.full((3, 7, 7), math.nan)  # a task that has no pairs
    more[:, :6, :6] = values
    assert task_interval(more, np.random.default_rng(1)) == once
    assert np.isnan(task_interval(values[:, :4, :4], np.random.default_rng(1))).all()


def test_a_long_table_is_arranged_as_matrices():
    rows = [("a", "b", 4, 0.1), ("b", "a", 4, 0.2), ("a", "b", 5, 0.3), ("a", "c", 5, 0.4)]
    table = pd.DataFrame(rows, columns=["first_task", "second_task", "seed", "interference"])
    values = by_seed_and_tasks(table, "interference")
    assert values.shape == (2, 3, 3)
    assert (values[0, 0, 1], values[0, 1, 0], values[1, 0, 1], values[1, 0, 2]) == (0.1, 0.2, 0.3, 0.4)
    assert np.isfinite(values).sum() == 4
