"""The interference measure and its statistics, on numbers for which the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnbench.results.interference import bootstrap_interval, counts, interference, matrix_table


@pytest.mark.parametrize(
    "untrained, first, after, expected",
    [
        (1.0, 0.2, 0.2, 0.0),  # nothing lost
        (1.0, 0.2, 1.0, 1.0),  # as bad as untrained
        (1.0, 0.2, 1.8, 2.0),  # worse than untrained
        (1.0, 0.2, 0.1, -0.125),  # B improved A
    ],
)
def test_interference_at_its_landmarks(untrained, first, after, expected):
    assert interference(untrained, first, after) == pytest.approx(expected)


def test_interference_does_not_depend_on_the_unit_of_the_loss():
    assert interference(7.0, 1.4, 3.0) == pytest.approx(interference(0.7, 0.14, 0.3))


@pytest.mark.parametrize("losses", [(1.0, 1.0, 2.0), (1.0, 1.5, 2.0), (math.nan, 0.1, 1.0), (1.0, 0.1, math.inf)])
def test_interference_is_nan_if_nothing_was_learnt_or_a_loss_is_missing(losses):
    assert math.isnan(interference(*losses))


def test_bootstrap_interval_agrees_with_scipys():
    values = np.random.default_rng(0).gamma(2, size=12)
    ours = bootstrap_interval(values, np.random.default_rng(1))
    peer = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(2), n_resamples=10_000)
    # Both are Monte Carlo estimates: with 10,000 resamples an end varies by about 2 % of the interval.
    width = peer.confidence_interval.high - peer.confidence_interval.low
    assert ours == pytest.approx(tuple(peer.confidence_interval), abs=0.04 * width)


def test_bootstrap_interval_of_too_few_seeds_is_nan():
    assert all(map(math.isnan, bootstrap_interval(np.array([1.0]), np.random.default_rng(0))))


def row(seed, value, converged=True, status="done", first="a", second="b"):
    names = {"architecture": "v", "rule": "r", "g": 0.9, "units": 8, "first_task": first, "second_task": second}
    return names | {"seed": seed, "interference": value, "converged_first": converged, "status": status}


def test_networks_without_meaningful_interference_are_counted_but_not_averaged():
    table = pd.DataFrame(
        [
            row(0, 0.1),
            row(1, 0.3),
            row(2, 50.0, converged=False),  # never learnt A
            row(3, math.inf),  # diverged on B
            row(4, 0.9, status="failed"),
            row(0, 7.0, converged=False, first="b", second="a"),
            row(0, 0.25, first="b", second="b"),
        ]
    )
    ab, ba, bb = matrix_table(table).to_dict("records")
    assert (ab["networks"], ab["converged"], ab["counted"]) == (5, 4, 2)
    assert ab["mean"] == pytest.approx(0.2) and ab["sd"] == pytest.approx(math.sqrt(0.02))  # n - 1 = 1
    assert (ba["networks"], ba["converged"], ba["counted"]) == (1, 0, 0) and math.isnan(ba["mean"])
    assert bb["mean"] == 0.25 and math.isnan(bb["sd"])


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA])
def test_an_unknown_convergence_does_not_count(missing):
    table = pd.DataFrame([row(0, 0.5), row(1, 0.5)])
    table["converged_first"] = pd.Series([True, missing], dtype=object)
    assert counts(table).tolist() == [True, False]
    assert counts(table.astype({"converged_first": "boolean"})).tolist() == [True, False]


def test_the_bootstrap_interval_of_known_data():
    rng = np.random.default_rng(1)
    # A resample of {0, 1} has mean 0, 1/2, 1 with probability 1/4, 1/2, 1/4, so the 95 % interval is 0..1.
    assert bootstrap_interval([0.0, 1.0], rng) == (0.0, 1.0)
    assert bootstrap_interval([0.3, 0.3, 0.3], rng) == pytest.approx((0.3, 0.3))
    # 400 normal values: the interval is mean +- 1.96 sd / sqrt(n), to about 8 % with 10,000 resamples.
    sample = rng.normal(2.0, 1.0, 400)
    low, high = bootstrap_interval(sample, rng)
    half = 1.96 * sample.std() / 20
    assert low == pytest.approx(sample.mean() - half, abs=0.08 * half)
    assert high == pytest.approx(sample.mean() + half, abs=0.08 * half)


def test_one_seed_has_no_interval():
    assert np.isnan(bootstrap_interval([0.4], np.random.default_rng(0))).all()
    assert np.isnan(bootstrap_interval([], np.random.default_rng(0))).all()


def test_the_bootstrap_depends_only_on_its_rng():
    values = np.random.default_rng(5).normal(size=50)  # enough values for the quantiles of two bootstraps to differ
    once, again, other = (bootstrap_interval(values, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert once == again
    assert once != other
