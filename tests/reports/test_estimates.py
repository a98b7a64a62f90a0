"""The rule for verdicts: its cases, its test compared with scipy's, and how often it supports a claim wrongly."""

import numpy as np
import pytest
from scipy.stats import norm, permutation_test

from rnnbench.reports.claims.c8_history import size_p
from rnnbench.reports.estimates import (
    MIN_SEEDS,
    SIGNIFICANT,
    Estimate,
    combine,
    combine_any,
    estimate,
    informative,
    sign_flip_p,
)

RNG = np.random.default_rng(0)


def estimate_from(low, high, direction="above", n=10, p=0.01, threshold=1.0):
    """An estimate with this interval."""
    return Estimate("x", (low + high) / 2, low, high, threshold, direction, n, p)


@pytest.mark.parametrize(
    ("low", "high", "direction", "verdict"),
    [
        (1.1, 1.5, "above", "supported"),
        (0.9, 1.5, "above", "undecided"),
        (0.5, 0.9, "above", "not supported"),
        (0.5, 0.9, "below", "supported"),
        (0.9, 1.1, "below", "undecided"),
        (1.1, 1.5, "below", "not supported"),
        (1.1, 1.5, "away", "supported"),
        (-1.5, -1.1, "away", "supported"),
        (-0.9, 0.9, "away", "not supported"),
        (-1.1, 0.9, "away", "undecided"),
        (1.1, 1.5, "none", "undecided"),
        (1.0, 1.5, "above", "undecided"),  # an interval that ends on the threshold is not beyond it
        (np.nan, np.nan, "above", "undecided"),
    ],
)
def test_the_interval_decides(low, high, direction, verdict):
    assert estimate_from(low, high, direction).verdict == verdict


def test_support_needs_the_test_as_well_and_failing_does_not():
    assert estimate_from(1.1, 1.5, p=0.06).verdict == "undecided"
    assert estimate_from(1.1, 1.5, p=0.06).reason == "p = 0.06"
    assert estimate_from(1.1, 1.5, p=None).verdict == "supported"
    assert estimate_from(0.1, 0.5, p=0.9).verdict == "not supported"


def test_too_few_seeds_decide_nothing():
    for low, high in ((1.1, 1.5), (0.1, 0.5)):
        few = estimate_from(low, high, n=MIN_SEEDS - 1)
        assert few.verdict == "undecided"
        assert "too few seeds" in few.reason
    assert estimate_from(1.1, 1.5, n=MIN_SEEDS).verdict == "supported"


def test_parts_are_combined():
    assert combine(["supported", "supported"]) == "supported"
    assert combine(["supported", "undecided"]) == "undecided"
    assert combine(["undecided", "not supported"]) == "not supported"
    assert combine([]) == "undecided"
    assert combine_any(["not supported", "supported"]) == "supported"
    assert combine_any(["not supported", "undecided"]) == "undecided"
    assert combine_any(["not supported", "not supported"]) == "not supported"
    assert combine_any([]) == "undecided"


@pytest.mark.parametrize("n", [5, 8])
def test_sign_flips_against_scipy(n):
    excess = np.random.default_rng(n).normal(0.4, 1, n)
    # Both use all 2^n flips, so they agree up to rounding.
    theirs = permutation_test(
        (excess,), np.sum, permutation_type="samples", alternative="greater", n_resamples=np.inf, vectorized=False
    )
    assert sign_flip_p(excess, RNG) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_sign_flips_of_few_seeds_by_hand():
    assert sign_flip_p(np.ones(5), RNG) == 1 / 32
    assert sign_flip_p(-np.ones(5), RNG) == 1
    assert sign_flip_p(np.array([3.0, -1.0]), RNG) == 0.5  # sums 2, 4, -4, -2: two of four are at least 2


def test_random_flips_agree_with_the_normal_limit():
    excess = np.random.default_rng(2).normal(0.3, 1, 40)
    z = excess.sum() / np.sqrt((excess**2).sum())
    # With 10 000 flips the standard error is below 0.005; the normal limit has a relative error of O(1/n) in the tail.
    assert sign_flip_p(excess, RNG) == pytest.approx(norm.sf(z), abs=0.02)


def test_an_estimate_averages_the_seeds_that_have_a_value():
    found = estimate("x", [1.0, 2.0, np.nan, 3.0, 2.0, 2.0], 0.0, "above", ("x",))
    assert (found.value, found.n_seeds, found.p) == (2.0, 5, 1 / 32)
    assert 1.0 <= found.low < 2.0 < found.high <= 3.0
    assert found.verdict == "supported"
    assert found == estimate("x", [1.0, 2.0, np.nan, 3.0, 2.0, 2.0], 0.0, "above", ("x",))
    assert estimate("x", [], 0.0, "above", ("x",)).verdict == "undecided"
    assert informative("x", [1.0] * 9, ("x",)).verdict == "undecided"


@pytest.mark.parametrize(
    ("direction", "draw", "n_tables"),
    [
        ("above", "normal", 300),
        ("below", "uniform", 300),
        pytest.param("below", "normal", 5000, marks=pytest.mark.slow),
    ],
)
def test_support_is_rare_where_the_effect_is_only_as_large_as_the_threshold(direction, draw, n_tables):
    rng, threshold = np.random.default_rng(5), 0.3
    supported = 0
    for k in range(n_tables):
        values = threshold + (rng.normal(size=10) if draw == "normal" else rng.uniform(-1, 1, 10))
        supported += estimate("x", values, threshold, direction, (k,)).verdict == "supported"
    # The interval leaves about 2.5 % on this side, and the test alone 5 %. The rate is above 0, or the rule could never
    # support; the upper bound adds three standard errors of the draws.
    assert 0 < supported / n_tables <= SIGNIFICANT + 3 * np.sqrt(0.05 * 0.95 / n_tables)


def test_a_real_effect_is_found():
    rng = np.random.default_rng(6)
    found = [estimate("x", rng.normal(1.5, 1, 10), 0.0, "above", (k,)).verdict for k in range(100)]
    assert found.count("supported") > 90  # the power of a one-sided test at 1.5 sd and 10 seeds is above 0.99
    assert "not supported" not in found


@pytest.mark.parametrize("n", [5, 10])
def test_the_test_of_size_is_calibrated(n):
    rng = np.random.default_rng(n)
    values = 0.1 + 0.02 * rng.normal(size=(1000, n))
    rate = np.mean([size_p(v, 0.1) <= SIGNIFICANT for v in values])
    assert rate == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 1000))  # exact for Gaussian seeds
    assert size_p(-values[0] - 1, 0.1) < 0.05  # the sign does not matter
    assert size_p(np.array([0.5, 0.5]), 0.1) == 0.0
    assert size_p(np.array([0.5]), 0.1) == 1.0
