"""The pairs and seeds over which means that stand side by side are taken."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from rnnbench.reports.equal_pairs import equal_pairs
from rnnbench.reports.page.matrices import summaries


def made(learnt, gs=(0.5, 1.0), tasks=("a", "b", "c"), seeds=range(6)) -> pd.DataFrame:
    """A table in which I = 1, but 10 where A is c; `learnt(g, A, seed)` says what counts."""
    rows = [
        {
            "condition": "",
            "architecture": "rnn",
            "rule": "sgd",
            "g": g,
            "units": 8,
            "earlier_tasks": "",
            "first_task": first,
            "second_task": second,
            "seed": seed,
            "idle_outputs": "free",
            "status": "done",
            "converged_first": learnt(g, first, seed),
            "interference": 0.0 if first == second else 10.0 if first == "c" else 1.0,
        }
        for g, first, second, seed in itertools.product(gs, tasks, tasks, seeds)
    ]
    return pd.DataFrame(rows)


def test_a_pair_that_is_learnt_at_one_g_only_is_in_no_mean():
    table = made(lambda g, first, seed: not (g == 0.5 and first == "c"))
    found = summaries(table)
    assert [one.mean for one in found.each] == [1.0, 1.0]  # over what converged, 1 and 4
    assert found.over == "over the same 4 of 6 pairs (24 of 36 networks)"
    assert [(one.counted, one.networks) for one in found.each] == [(24, 36), (36, 36)]


def test_a_setting_at_which_fewer_than_half_count_is_left_out_and_named():
    table = made(lambda g, first, seed: g > 0 or first == "a", gs=(0.0, 0.5, 1.0))
    found = summaries(table)
    assert found.left_out == ["g = 0"]
    assert found.over == "over the same 6 of 6 pairs (36 of 36 networks); left out: g = 0"
    assert pd.isna(found.each[0].mean) and [one.mean for one in found.each[1:]] == [4.0, 4.0]


def test_a_single_setting_is_compared_with_nothing():
    table = made(lambda g, first, seed: not (first == "c" and seed == 0), gs=(0.5,))
    equal = equal_pairs(table)
    assert equal.text == "over 6 of 6 pairs (34 of 36 networks)" and not equal.left_out


def test_no_setting_is_left():
    equal = equal_pairs(made(lambda g, first, seed: False))
    assert equal.text == "over 0 of 6 pairs (0 of 36 networks)"
    assert equal.networks.rows.empty and len(equal.left_out) == 2


@pytest.mark.parametrize(("n", "has_one"), [(4, False), (5, True)])
def test_there_is_an_interval_from_five_seeds_on(n, has_one):
    (one, _) = summaries(made(lambda g, first, seed: True, seeds=range(n))).each
    assert pd.notna(one.low) == pd.notna(one.high) == has_one
