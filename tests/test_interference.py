"""The measure and its statistics, on numbers where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnbench.interference import bootstrap_interval, interference, matrix_table


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
def test_interference_has_no_meaning_where_nothing_was_learnt_or_a_loss_is_missing(losses):
    assert math.isnan(interference(*losses))


def test_bootstrap_interval_agrees_with_scipys():
    values = np.random.default_rng(0).gamma(2, size=12)
    ours = bootstrap_interval(values, np.random.default_rng(1))
    peer = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(2), n_resamples=10_000)
    # Both are Monte Carlo: with 10,000 resamples an end wobbles by about 2 % of the interval.
    width = peer.confidence_interval.high - peer.confidence_interval.low
    assert ours == pytest.approx(tuple(peer.confidence_interval), abs=0.04 * width)


def test_bootstrap_interval_of_too_few_seeds_is_not_invented():
    assert all(map(math.isnan, bootstrap_interval(np.array([1.0]), np.random.default_rng(0))))


def row(seed, value, converged=True):
    names = {"architecture": "v", "rule": "r", "g": 0.9, "units": 8, "first_task": "a", "second_task": "b"}
    return names | {"seed": seed, "interference": value, "converged_first": converged}


def test_networks_without_meaningful_interference_are_counted_but_not_averaged():
    table = pd.DataFrame([row(0, 1.0), row(1, 3.0), row(2, 99.0, converged=False), row(3, math.nan)])
    (cell,) = matrix_table(table).to_dict("records")
    assert (cell["networks"], cell["counted"]) == (4, 2)
    assert cell["mean"] == pytest.approx(2.0) and cell["sd"] == pytest.approx(math.sqrt(2))


def test_a_cell_that_nobody_learnt_stays_in_the_matrix():
    (cell,) = matrix_table(pd.DataFrame([row(0, 1.0, converged=False)])).to_dict("records")
    assert (cell["networks"], cell["counted"]) == (1, 0) and math.isnan(cell["mean"])
