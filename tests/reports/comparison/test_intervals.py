"""Coverage of the bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnbench.reports.comparison.intervals import intervals
from rnnbench.reports.comparison.resampling import Design, Independent, Paired


def correlated(rng: np.random.Generator, n: int, skewed: bool) -> np.ndarray:
    """Ten entries with mean 0 for n seeds, [seed, entry]; half of their variance is shared within a seed."""
    z = np.sqrt(0.5) * (rng.normal(size=(n, 1)) + rng.normal(size=(n, 10)))
    return np.exp(0.5 * z) - np.exp(0.125) if skewed else z


@pytest.mark.parametrize("design", [Independent, Paired])
@pytest.mark.parametrize(("n", "skewed"), [(4, False), (8, True), (20, True)])
def test_intervals_have_their_nominal_coverage(design: type[Design], n: int, skewed: bool):
    runs, together, above, below = 200, 0, [], []
    for run in range(runs):
        rng = np.random.default_rng([run, n])
        found = intervals(design(correlated(rng, n, skewed), correlated(rng, n, skewed)), 0.2, rng, 500)
        together += bool(np.all((found.low <= 0) & (found.high >= 0)))
        above.append(np.mean(found.alone_low > 0))
        below.append(np.mean(found.alone_high < 0))
    # The nominal value is 0.95; three standard errors below it, for 200 runs, is 0.904.
    assert together / runs > 0.904
    # Each end is a test at 5 %. The ten entries of a run are correlated, so the standard error is taken over the runs.
    for one in (above, below):
        assert np.mean(one) < 0.05 + 3 * np.std(one) / np.sqrt(runs)


def test_with_many_seeds_an_entrys_own_interval_is_the_normal_one():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(200, 2)), rng.normal(size=(200, 2))
    found = intervals(Independent(a, b), 0.2, rng, 4000)
    half = stats.norm.ppf(0.95) * np.sqrt(a.var(axis=0, ddof=1) / 200 + b.var(axis=0, ddof=1) / 200)
    # The quantile of 4000 resamples is known to about 2 %.
    assert found.alone_high - found.difference == pytest.approx(half, rel=0.08)
    assert np.all(found.low < found.alone_low) and np.all(found.high > found.alone_high)


def test_constant_values_have_a_point_interval_and_two_seeds_a_very_wide_one():
    constant = intervals(Independent(np.ones((5, 1)), np.full((5, 1), 1.5)), 0.2, np.random.default_rng(0), 200)
    assert (constant.low[0], constant.alone_high[0]) == pytest.approx((0.5, 0.5))
    two = intervals(Independent(np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]])), 0.2, np.random.default_rng(0), 200)
    assert two.alone_low[0] < -100 and two.alone_high[0] > 100


def test_three_seeds_that_almost_agree_are_within_any_margin():
    """One in nine bootstrap resamples of three pairs has no spread, and its t would be infinite."""
    a = np.array([[0.3], [1.1], [2.0]])
    b = a + np.array([[1e-7], [-3e-7], [2e-7]])
    found = intervals(Paired(a, b), 0.2, np.random.default_rng(0), 2000)
    assert np.abs([found.low[0], found.high[0]]).max() < 1e-5


@pytest.mark.parametrize("sd", [0.003, 0.03, 0.3])
@pytest.mark.parametrize("n", [3, 6])
def test_a_difference_of_the_margin_is_rarely_found_within_it(n: int, sd: float):
    """The error of the equivalence test where it is largest, with spreads below and above the floor of the error."""
    runs, wrong = 400, []
    for run in range(runs):
        rng = np.random.default_rng([run, n, round(1000 * sd)])
        a, b = rng.normal(0, sd, size=(n, 3)), rng.normal(0.2 + 0.004, sd, size=(n, 3))
        found = intervals(Independent(a, b), 0.2, rng, 300)
        wrong.append(np.mean((found.alone_low > -0.2) & (found.alone_high < 0.2)))
    assert np.mean(wrong) < 0.05 + 3 * np.std(wrong) / np.sqrt(runs)
