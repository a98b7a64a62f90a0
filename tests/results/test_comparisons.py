"""Comparisons at equal progress, over the same networks, on planted curves whose numbers are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from planted_curves import FIRST, TASKS, UNTRAINED, along_g, network, tables

from rnnbench.results.column import Table
from rnnbench.results.columns import COMPARISONS, CURVES, INTERFERENCE, TRENDS
from rnnbench.results.comparisons import compared, comparison_table, trend_table


def row(table: pd.DataFrame, **names) -> pd.Series:
    chosen = table[np.logical_and.reduce([table[name] == value for name, value in names.items()])]
    assert len(chosen) == 1
    return chosen.iloc[0]


def holds(table: pd.DataFrame, declared: Table) -> bool:
    return list(table.columns) == declared.names


def test_faster_learning_looks_like_less_interference_only_at_the_criterion():
    """At g = 2 B takes 20 updates and at g = 1 it takes 80; per update A loses equally much."""
    interference, curves = tables(along_g({1.0: 0.04, 2.0: 0.16}, {1.0: 0.8, 2.0: 0.2}))
    found = list(compared(interference, curves))
    table, trends = comparison_table(found), trend_table(found)
    assert holds(table, COMPARISONS) and holds(trends, TRENDS)
    at = {m: row(trends, moment=m, quantity="interference")["change"] for m in ("criterion", "updates")}
    assert at["criterion"] == pytest.approx(-0.6)
    # Losses are interpolated on a logarithmic scale; at 20 of 80 updates there is a look, so this is exact.
    assert at["updates"] == pytest.approx(0.0, abs=1e-9)
    means = table[(table["moment"] == "criterion") & (table["quantity"] == "interference")]
    assert means.set_index("value")["mean"].to_dict() == pytest.approx({"1": 0.8, "2": 0.2})
    assert (table["n_pairs"] == 20).all() and (table["of_networks"] == 100).all()


def test_at_equal_loss_of_b_the_moment_is_found_between_looks():
    """exp(-0.04 u) = 0.5 at u = 17.3, between the looks at 10 and 20; ln L_A is taken as linear there."""
    interference, curves = tables(along_g({1.0: 0.04, 2.0: 0.04}, {1.0: 0.8, 2.0: 0.4}))
    table = comparison_table(list(compared(interference, curves)))
    share = (math.log(2) / 0.04 - 10) / 10
    for g, lost in ((1.0, 0.8), (2.0, 0.4)):
        before, after = (FIRST + lost * (UNTRAINED - FIRST) * u / 80 for u in (10, 20))
        loss = math.exp((1 - share) * math.log(before) + share * math.log(after))
        expected = (loss - FIRST) / (UNTRAINED - FIRST)
        assert row(table, moment="half", quantity="interference", value=f"{g:g}")["mean"] == pytest.approx(expected)


def test_every_mean_is_over_the_pairs_and_seeds_that_count_at_all_values():
    """Where A was not learnt at one g, the pair and seed is left out at every g."""
    networks = along_g({1.0: 0.04, 2.0: 0.04, 3.0: 0.04}, {1.0: 0.5, 2.0: 0.5, 3.0: 0.5})
    interference, curves = tables(networks)
    missing = (interference["g"] == 2) & (interference["first_task"] == "a") & (interference["seed"] < 2)
    interference.loc[missing, "converged_first"] = False
    interference.loc[(interference["g"] == 1) & (interference["first_task"] == "a"), "interference"] = 9.0
    table = comparison_table(list(compared(interference, curves)))
    one = row(table, moment="criterion", quantity="interference", value="1")
    assert (one["n_networks"], one["of_networks"], one["n_pairs"]) == (100 - 8, 100, 20)
    assert one["mean"] == pytest.approx((12 * 9.0 + 80 * 0.5) / 92)


def test_values_at_which_hardly_any_network_counts_are_left_out_and_named():
    interference, curves = tables(along_g({0.0: 0.04, 1.0: 0.04, 2.0: 0.04}, {0.0: 5.0, 1.0: 0.5, 2.0: 0.4}))
    interference.loc[(interference["g"] == 0) & (interference["seed"] > 1), "converged_first"] = False
    table = comparison_table(list(compared(interference, curves)))
    assert set(table["value"]) == {"1", "2"} and set(table["left_out"]) == {"0"}
    assert (table["n_networks"] == 100).all()


def test_the_trend_uses_all_values_and_says_where_the_minimum_is():
    lost = {1.0: 0.9, 2.0: 0.1, 3.0: 0.2, 4.0: 0.8}  # falls and rises again
    interference, curves = tables(along_g(dict.fromkeys(lost, 0.04), lost))
    trend = row(trend_table(list(compared(interference, curves))), moment="criterion", quantity="interference")
    slope = np.polyfit(range(4), list(lost.values()), 1)[0]
    assert trend["change"] == pytest.approx(3 * slope)
    assert (trend["smallest_at"], trend["largest_at"], trend["first"], trend["last"]) == (2, 1, 1, 4)


def test_intervals_are_over_seeds_and_over_tasks_from_five_on():
    interference, curves = tables(along_g({1.0: 0.04, 2.0: 0.04}, {1.0: 0.5, 2.0: 0.3}, spread=0.1))
    trend = row(trend_table(list(compared(interference, curves))), moment="criterion", quantity="interference")
    assert trend["low"] < -0.2 < trend["high"] and trend["low_tasks"] < -0.2 < trend["high_tasks"]
    few = interference["seed"] < 4
    trend = row(trend_table(list(compared(interference[few], curves))), moment="criterion", quantity="interference")
    assert math.isnan(trend["low"]) and math.isfinite(trend["low_tasks"])


def test_the_skill_lost_is_bounded():
    interference, curves = tables(along_g({1.0: 0.04, 2.0: 0.04}, {1.0: 8.0, 2.0: 0.0}))
    table = comparison_table(list(compared(interference, curves)))
    lost = table[(table["moment"] == "criterion") & (table["quantity"] == "skill_lost")].set_index("value")["mean"]
    assert lost.to_dict() == pytest.approx({"1": 1.0, "2": 0.0}, abs=1e-6)


def test_the_accuracy_lost_is_compared_at_the_same_moments():
    """At g = 2 B takes 20 updates and at g = 1 it takes 80; accuracy falls by half of what interference says."""
    interference, curves = tables(along_g({1.0: 0.04, 2.0: 0.16}, {1.0: 0.8, 2.0: 0.2}))
    table = comparison_table(list(compared(interference, curves)))
    lost = table[table["quantity"] == "accuracy_lost"].set_index(["moment", "value"])["mean"]
    assert lost["criterion"].to_dict() == pytest.approx({"1": 0.4, "2": 0.1})
    assert lost["updates"].to_dict() == pytest.approx({"1": 0.1, "2": 0.1})
    # exp(-0.04 u) = 0.5 at u = 17.3 and exp(-0.16 u) = 0.5 at u = 4.3, of 80 and 20 updates
    share = math.log(2) / 0.04 / 80
    assert lost["half"].to_dict() == pytest.approx({"1": 0.4 * share, "2": 0.1 * share})


def test_a_task_without_an_accuracy_is_left_out_of_the_accuracy_lost_only():
    interference, curves = tables(along_g({1.0: 0.04, 2.0: 0.04}, {1.0: 0.8, 2.0: 0.2}))
    for rows, names in ((interference, ["accuracy_first", "accuracy_after"]), (curves, ["accuracy_first"])):
        rows.loc[rows["first_task"] == "a", names] = math.nan
    table = comparison_table(list(compared(interference, curves)))
    pairs = table.groupby("quantity")["n_pairs"].agg(["min", "max"])
    assert pairs.loc["accuracy_lost"].to_list() == [16, 16] and pairs.loc["interference"].to_list() == [20, 20]


def architectures(*networks: tuple[str, float, int, float]) -> pd.DataFrame:
    """The comparison table of architectures: (name, g, number of units, interference) of each."""
    made = [
        network(g, a, b, seed, 0.04, lost, architecture=name, units=units)
        for name, g, units, lost in networks
        for a in "ab"
        for b in "ab"
        for seed in range(2)
    ]
    table = comparison_table(list(compared(*tables(made))))
    chosen = table[(table["across"] == "architecture") & (table["quantity"] == "interference")]
    return chosen[chosen["moment"] == "updates"]


def test_architectures_of_other_g_and_size_are_compared_with_the_first_one():
    table = architectures(("net", 0.9, 8, 0.8), ("gru", math.nan, 8, 0.4), ("deep", 0.9, 4, 0.2), ("far", 1.2, 4, 0.1))
    assert table["value"].to_list() == ["net", "gru", "net", "deep", "net", "far"]
    assert table["mean"].to_list() == pytest.approx([0.8, 0.4, 0.8, 0.2, 0.8, 0.1])
    assert (table["n_networks"] == 4).all()
    missing = table[["g", "units"]].isna().to_numpy()[::2]
    assert missing.tolist() == [[False, False], [False, True], [True, True]]


def test_architectures_are_compared_at_the_same_g_where_both_have_it():
    table = architectures(("net", 0.9, 8, 0.8), ("net", 1.2, 8, 0.6), ("other", 0.9, 8, 0.4), ("other", 1.2, 8, 0.2))
    assert table.set_index(["g", "value"])["mean"].to_dict() == pytest.approx(
        {(0.9, "net"): 0.8, (0.9, "other"): 0.4, (1.2, "net"): 0.6, (1.2, "other"): 0.2}
    )


def test_an_architecture_without_g_is_compared_with_each_g_of_the_first_one():
    table = architectures(("net", 0.9, 8, 0.8), ("net", 1.2, 8, 0.6), ("gru", math.nan, 8, 0.4))
    assert table.set_index(["g", "value"])["mean"].to_dict() == pytest.approx(
        {(0.9, "net"): 0.8, (0.9, "gru"): 0.4, (1.2, "net"): 0.6, (1.2, "gru"): 0.4}
    )


def test_architectures_with_several_g_and_none_in_common_are_not_compared():
    assert architectures(("net", 0.9, 8, 0.8), ("net", 1.2, 8, 0.6), ("o", 0.8, 8, 0.4), ("o", 1.3, 8, 0.2)).empty


def test_rules_are_each_compared_with_the_first_one_and_have_no_trend():
    networks = [
        network(1.0, a, b, seed, 0.04, lost, rule=rule)
        for rule, lost in (("sgd", 0.8), ("ewc", 0.2), ("never", 0.1))
        for a in TASKS
        for b in TASKS
        for seed in range(5)
    ]
    interference, curves = tables(networks)
    interference.loc[interference["rule"] == "never", "converged_first"] = False
    table = comparison_table(list(compared(interference, curves)))
    means = table[(table["moment"] == "criterion") & (table["quantity"] == "interference") & (table["left_out"] == "")]
    assert list(means["value"]) == ["sgd", "ewc"] and means["mean"].tolist() == pytest.approx([0.8, 0.2])
    assert set(table.loc[table["left_out"] == "never", "value"]) == {"sgd"}
    assert trend_table(list(compared(interference, curves))).empty


def test_a_parameter_of_the_conditions_is_compared_at_each_g():
    networks = [
        network(g, a, b, seed, 0.04, 0.8 - drive, condition=f"drive={drive}", drive=drive)
        for g in (1.0, 2.0)
        for drive in (0.0, 0.3)
        for a in TASKS
        for b in TASKS
        for seed in range(5)
    ]
    interference, curves = tables(networks)
    trends = trend_table(list(compared(interference, curves)))
    along_drive = trends[(trends["across"] == "drive") & (trends["moment"] == "criterion")]
    assert sorted(along_drive.loc[along_drive["quantity"] == "interference", "g"]) == [1.0, 2.0]
    change = along_drive.loc[along_drive["quantity"] == "interference", "change"].tolist()
    assert change == pytest.approx([-0.3, -0.3])
    assert set(trends.loc[trends["across"] == "g", "condition"]) == {"drive=0.0", "drive=0.3"}


def test_a_table_without_anything_to_compare_gives_empty_tables():
    interference, curves = tables(along_g({1.0: 0.04}, {1.0: 0.5}))
    found = list(compared(interference, curves))
    assert found == [] and holds(comparison_table(found), COMPARISONS) and holds(trend_table(found), TRENDS)
    assert list(compared(pd.DataFrame(columns=INTERFERENCE.names), pd.DataFrame(columns=CURVES.names))) == []
