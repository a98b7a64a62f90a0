"""The interference measure and its statistics, on numbers for which the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from rnnbench.results.interference import counts, interference, matrix_table, over_seeds
from rnnbench.results.intervals import mean_interval


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


def test_the_interval_is_that_of_the_means_of_five_seeds_or_more():
    values = np.random.default_rng(0).normal(size=(6, 2))
    table = pd.DataFrame(
        [row(seed, values[seed, k], first="ab"[k], second="ba"[k]) for seed in range(6) for k in range(2)]
    )
    (found,) = over_seeds(table, ["g"], np.random.default_rng(1)).to_dict("records")
    expected = mean_interval(values.mean(axis=1), np.random.default_rng(1))
    assert (found["low"], found["high"], found["n_seeds"]) == (*expected, 6)
    (few,) = over_seeds(table[table["seed"] < 4], ["g"], np.random.default_rng(1)).to_dict("records")
    assert few["n_seeds"] == 4 and math.isfinite(few["mean"]) and math.isnan(few["low"])
