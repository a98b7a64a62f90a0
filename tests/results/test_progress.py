"""Interference at equal progress, on curves whose course between evaluations is known."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest

from rnnbench.results.columns import NETWORK
from rnnbench.results.progress import (
    at_equal_loss,
    at_equal_updates,
    at_fraction,
    at_update,
    common,
    skill_lost,
    summary,
)

UPDATES = np.array([0.0, 10, 30, 60, 100])


def exponential(rate, start, updates=UPDATES):
    return start * np.exp(rate * updates)


def test_exponential_curves_are_interpolated_exactly():
    # L_B = 2 exp(-0.03 t) is down to a tenth of 1.5 at t = log(2 / 0.15) / 0.03, and L_A = 0.1 exp(0.02 t).
    t = math.log(2 / 0.15) / 0.03
    found = at_fraction(UPDATES, exponential(0.02, 0.1), exponential(-0.03, 2.0), 1.1, 0.1, 1.5, 0.1)
    assert found.update == pytest.approx(t)
    assert found.interference == pytest.approx((0.1 * math.exp(0.02 * t) - 0.1) / (1.1 - 0.1))
    assert at_update(UPDATES, exponential(0.02, 0.1), 1.1, 0.1, 45.0) == pytest.approx(0.1 * math.exp(0.9) - 0.1)


def test_the_moment_of_an_evaluation_is_that_evaluation():
    first, second = np.array([0.0, 0.3, 0.2, 0.5, 0.9]), np.array([1.0, 0.8, 0.5, 0.6, 0.1])
    found = at_fraction(UPDATES, first, second, 1.0, 0.0, 1.0, 0.5)
    assert (found.update, found.interference) == pytest.approx((30, 0.2))
    found = at_fraction(UPDATES, first, second, 1.0, 0.0, 1.0, 0.1)
    assert (found.update, found.interference) == pytest.approx((100, 0.9))
    for update, loss in zip(UPDATES, first, strict=True):
        assert at_update(UPDATES, first, 1.0, 0.0, update) == pytest.approx(loss)


def test_only_the_first_crossing_counts():
    second = np.array([1.0, 0.4, 1.0, 0.4, 0.1])
    found = at_fraction(UPDATES, UPDATES, second, 100.0, 0.0, 1.0, 0.5)
    share = math.log(1 / 0.5) / math.log(1 / 0.4)
    assert found.update == pytest.approx(10 * share)


def test_a_loss_of_zero_is_interpolated_linearly():
    found = at_fraction([0, 10], [0.0, 0.8], [1.0, 0.0], 1.0, 0.0, 1.0, 0.25)
    assert (found.update, found.interference) == pytest.approx((7.5, 0.6))
    assert at_update([0, 10], [0.0, 0.8], 1.0, 0.0, 5) == pytest.approx(0.4)


def test_a_curve_that_starts_below_the_fraction_is_at_update_0():
    found = at_fraction([0, 10], [0.1, 0.8], [0.4, 0.3], 1.1, 0.1, 1.0, 0.5)
    assert (found.update, found.interference) == (0, 0)


@pytest.mark.parametrize("untrained_b", [0.1, math.nan, 0.0])
def test_what_is_never_reached_is_nan(untrained_b):
    assert np.isnan(at_fraction([0, 10], [0.1, 0.8], [0.4, 0.3], 1.1, 0.1, untrained_b, 0.5)).all()


def test_evaluations_without_a_loss_on_b_are_left_out():
    found = at_fraction(UPDATES, exponential(0.02, 0.1), [2, math.inf, math.nan, 0.2, 0.1], 1.1, 0.1, 2.0, 0.5)
    share = math.log(2) / math.log(10)
    assert found.update == pytest.approx(60 * share)
    assert found.interference == pytest.approx(0.1 * math.exp(0.02 * 60 * share) - 0.1)


def test_no_interference_without_learning_or_beyond_the_curve():
    assert math.isnan(at_fraction([0, 10], [0.1, 0.8], [1.0, 0.3], 0.1, 0.1, 1.0, 0.5).interference)
    assert np.isnan(at_update([0, 10], [0.1, 0.8], 1.1, 0.1, [11, -1])).all()
    assert math.isnan(at_update([0, 10, math.nan], [0.1, 0.8, math.nan], 1.1, 0.1, 11))
    assert math.isnan(at_update([0, 10], [0.1, math.inf], 1.1, 0.1, 5))
    assert at_update([0, 10], [0.1, math.inf], 1.1, 0.1, 0) == 0


def test_many_curves_at_once_are_as_one_by_one_and_fast():
    rng, n, looks = np.random.default_rng(0), 5000, 100
    length = rng.integers(2, looks, size=n)
    ended = np.arange(looks) < length[:, None]
    updates = np.where(ended, np.arange(looks) * 10.0, np.nan)
    first, second = (np.where(ended, np.exp(rng.normal(size=(n, looks))), np.nan) for _ in range(2))
    untrained, after_a, b = np.exp(rng.normal(size=(3, n)))
    start = time.perf_counter()
    found = at_fraction(updates, first, second, untrained, after_a, b, 0.3)
    wanted = rng.uniform(0, 500, n)
    values = at_update(updates, first, untrained, after_a, wanted)
    assert time.perf_counter() - start < 5
    for k in range(0, n, 250):
        m = length[k]
        one = at_fraction(updates[k, :m], first[k, :m], second[k, :m], untrained[k], after_a[k], b[k], 0.3)
        assert np.array(one) == pytest.approx([found.update[k], found.interference[k]], nan_ok=True)
        alone = at_update(updates[k, :m], first[k, :m], untrained[k], after_a[k], wanted[k])
        assert alone == pytest.approx(values[k], nan_ok=True)
        if math.isfinite(one.update):  # numpy's own interpolation of log L_B
            assert np.interp(one.update, updates[k, :m], np.log(second[k, :m])) <= math.log(0.3 * b[k]) + 1e-9


def network(first, second, seed, g=0.6, condition="", **values):
    names = {"condition": condition, "architecture": "v", "rule": "r", "g": g, "units": 8, "earlier_tasks": ""}
    defaults = {"status": "done", "converged_first": True, "updates_second": 100, "interference": 0.5}
    losses = {"loss_untrained": 1.1, "loss_first": 0.1, "second_loss_untrained": 2.0}
    return names | {"first_task": first, "second_task": second, "seed": seed} | defaults | losses | values


def curve(row, rate_a, rate_b):
    updates = np.arange(0, row["updates_second"] + 1, 10)
    points = {"update": updates, "loss_first": exponential(rate_a, 0.1, updates)}
    return pd.DataFrame(
        {name: row[name] for name in NETWORK} | points | {"loss_second": exponential(rate_b, 2, updates)}
    )


def test_tables_at_equal_loss_and_equal_updates():
    slow = network("a", "b", 0, g=0.6, updates_second=100)
    quick = network("a", "b", 0, g=math.nan, updates_second=40)
    other = network("b", "a", 0, g=0.6, updates_second=60)
    failed = network("b", "a", 0, g=math.nan, updates_second=10, converged_first=False)
    table = pd.DataFrame([failed, slow, quick, other], index=[7, 7, 3, 1])
    rates = [(slow, 0.01, -0.03), (other, 0.03, -0.001), (failed, 0.1, -1.0), (quick, 0.02, -0.06)]
    curves = pd.concat([curve(*each) for each in rates]).sample(frac=1, random_state=0)  # in any order
    half = at_equal_loss(table, curves, 0.5)
    assert half["update_at_loss"].tolist() == pytest.approx(
        [math.log(2), math.log(2) / 0.03, math.log(2) / 0.06, math.nan], nan_ok=True
    )
    # L_A = 0.1 exp(rate t), so at half the loss of B it is 0.1 * 2^(rate of A / rate of B).
    assert half["interference_at_loss"].tolist()[1:] == pytest.approx(
        [0.1 * 2 ** (1 / 3) - 0.1, 0.1 * 2 ** (1 / 3) - 0.1, math.nan], nan_ok=True
    )
    equal = at_equal_updates(table, curves, ["g"])
    assert equal["equal_updates"].tolist() == [40, 40, 60]  # the network that does not count has no part in it
    expected = [0.1 * math.exp(rate * t) - 0.1 for rate, t in ((0.01, 40), (0.02, 40), (0.03, 60))]
    assert equal["interference_at_equal_updates"].tolist() == pytest.approx(expected)
    assert equal.index.tolist() == [7, 3, 1]


def test_networks_without_a_curve_are_nan():
    table = pd.DataFrame([network("a", "b", 0), network("a", "b", 1)])
    curves = curve(network("a", "b", 0), 0.01, -0.03)
    assert at_equal_updates(table, curves, ["g"])["interference_at_equal_updates"].isna().tolist() == [False, True]
    assert at_equal_loss(table, curves, 0.5)["interference_at_loss"].isna().tolist() == [False, True]
    assert at_equal_loss(table, curves[:0], 0.5)["interference_at_loss"].isna().all()


def test_the_networks_that_count_everywhere():
    table = pd.DataFrame(
        [
            network(a, b, seed, g, converged_first=not (a == "c" and g == 1.5) and not (seed == 2 and a == "a" == b))
            for g in (0.6, 1.0, 1.5)
            for a in "abc"
            for b in "abc"
            for seed in range(3)
        ]
    )
    table.loc[(table["first_task"] == "b") & (table["seed"] == 1) & (table["g"] == 0.6), "status"] = "failed"
    found = common(table, ["g"])
    # c never counts at 1.5: 4 of 6 pairs are left; seed 1 of the two pairs of b is missing: 4 * 3 - 2 networks.
    assert found.text == "4 of 6 pairs, 10 of 18 networks"
    assert set(found.rows["first_task"]) == {"a", "b"}
    different = found.rows[found.rows["first_task"] != found.rows["second_task"]]
    assert len(different) == 30
    assert different.groupby("g").size().tolist() == [10, 10, 10]
    assert set(map(tuple, different[different["first_task"] == "b"][["second_task", "seed"]].to_numpy())) == {
        (b, seed) for b in "ac" for seed in (0, 2)
    }
    assert common(table[table["g"] == 0.6], ["g"]).text == "6 of 6 pairs, 16 of 18 networks"
    assert common(table[:0], ["g"]).text == "0 of 0 pairs, 0 of 0 networks"


def test_other_columns_of_the_setting_are_kept_apart():
    rows = [network("a", "b", 0, g=g, rule=rule) for rule, gs in (("r", (0.6, 1.5)), ("s", (0.6,))) for g in gs]
    table = pd.DataFrame(rows)
    assert len(common(table, ["g"]).rows) == 3  # rule s has one value of g, and needs no other
    assert len(common(table, ["g", "rule"]).rows) == 3
    assert len(common(table, ["rule"]).rows) == 3
    table.loc[2, "converged_first"] = False
    assert common(table, ["g"]).rows.index.tolist() == [0, 1]
    assert common(table, ["rule"]).rows.index.tolist() == [1]  # at g = 0.6, rule s does not count


def test_a_varied_parameter_is_taken_out_of_the_condition():
    rows = [
        network("a", "b", 0, condition=f"drive={drive}, dt={dt}", drive=drive, dt=dt, updates_second=100 * dt + drive)
        for drive in (0.0, 1.0)
        for dt in (0.2, 0.5)
    ]
    table = pd.DataFrame(rows)
    curves = pd.concat([curve(row, 0.01, -0.03) for row in rows])
    assert at_equal_updates(table, curves, ["drive"])["equal_updates"].tolist() == [20, 50, 20, 50]
    assert at_equal_updates(table, curves, ["condition"])["equal_updates"].tolist() == [20] * 4
    assert at_equal_updates(table, curves, ["drive", "dt"])["equal_updates"].tolist() == [20] * 4
    with pytest.raises(KeyError, match="no column slope"):
        at_equal_updates(table, curves, ["slope"])


def test_skill_lost_at_its_landmarks():
    untrained, first = 1.0, 0.01
    lost = skill_lost(untrained, first, [0.01, 0.1, 1.0, 50.0, 0.001, 0.0])
    assert lost == pytest.approx([0, 0.5, 1, 1, 0, 0])  # 0.1 is half of the way from 0.01 to 1 in logarithms
    assert skill_lost(7.0, 0.07, 0.7) == pytest.approx(0.5)  # the unit of the loss does not matter
    for losses in ((1.0, 1.0, 1.0), (1.0, 2.0, 1.0), (1.0, 0.0, 1.0), (math.nan, 0.1, 1.0), (1.0, 0.1, math.inf)):
        assert math.isnan(skill_lost(*losses))


def test_a_summary_has_mean_and_median_of_the_finite_values():
    assert summary([1.0, math.nan, 2.0, 9.0, math.inf]) == (4.0, 2.0, 3)
    assert np.isnan(summary([])[:2]).all()
