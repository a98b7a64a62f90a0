"""Random effects, compared with the results of another program on a published example."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnbench.reports.comparison.heterogeneity import random_effects, welch_p

# Nine laboratories' measurements, from Kacker 2004 (Metrologia 41, 132-136), and their squared errors.
MEANS = np.array([61.0, 61.4, 62.21, 62.3, 62.34, 62.6, 62.7, 62.84, 65.9])
SQUARED_ERRORS = np.array([0.2025, 1.21, 0.09, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225])


def test_a_published_example_gives_the_results_of_metafor():
    """R metafor, rma(y, v, method="DL", test="knha"): Q, tau^2, I^2, mean and interval.

    The sums lose digits because means of about 62 differ by 1; the two programs agree to 1e-11.
    """
    found = random_effects(MEANS, SQUARED_ERRORS, np.full(9, 10.0))
    assert found is not None and found.labs == 9
    assert found.q == pytest.approx(24.801897741835, rel=1e-9)
    assert found.tau2 == pytest.approx(0.288049246973751, rel=1e-9)
    assert 100 * found.i2 == pytest.approx(67.744403741711, rel=1e-9)
    assert found.mean == pytest.approx(62.3901386044504, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((61.710383798052, 63.0698934108488), rel=1e-9)


def test_with_many_seeds_p_is_that_of_chi_squared():
    """metafor's QEp: chi-squared with 8 degrees of freedom, which assumes known standard errors."""
    assert welch_p(1 / SQUARED_ERRORS, 24.801897741835, np.full(9, 1e7)) == pytest.approx(0.00167935146372742, rel=1e-4)


def test_for_two_labs_it_is_welchs_t_test():
    """For two groups Welch's F is the square of Welch's t, with its degrees of freedom."""
    rng = np.random.default_rng(1)
    groups = [rng.normal(0, 1, 6), rng.normal(1, 3, 9)]
    means = np.array([one.mean() for one in groups])
    n = np.array([6.0, 9.0])
    w = n / np.array([one.var(ddof=1) for one in groups])
    q = float(w @ (means - w @ means / w.sum()) ** 2)
    assert welch_p(w, q, n) == pytest.approx(float(stats.ttest_ind(*groups, equal_var=False).pvalue), rel=1e-10)


@pytest.mark.parametrize("n", [4, 20])
def test_false_positives_of_like_labs_are_at_the_nominal_level(n):
    """False positives at 0.05 over 600 draws of four labs (standard error 0.009); chi-squared has more of them."""
    rng = np.random.default_rng(n)
    p, naive = [], []
    for _ in range(600):
        draws = rng.normal(size=(4, n))
        found = random_effects(draws.mean(axis=1), draws.var(axis=1, ddof=1) / n, np.full(4, float(n)))
        assert found is not None
        p.append(found.p)
        naive.append(stats.chi2.sf(found.q, 3))
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 3 * 0.009
    assert np.mean(np.array(naive) <= 0.05) > np.mean(np.array(p) <= 0.05)


def test_fewer_than_three_labs_with_a_standard_error_give_no_estimate():
    assert random_effects(np.array([1.0, 2.0, np.nan]), np.ones(3), np.full(3, 5.0)) is None
    assert random_effects(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 1.0]), np.full(3, 5.0)) is None
