"""The trade-off table, compared with numbers that were computed by hand from a made-up table."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnbench.errors import RnnbenchError
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.reports.trade_off.figure import trade_off_figure
from rnnbench.reports.trade_off.report import markdown, write_trade_off
from rnnbench.reports.trade_off.table import TRADE_OFF_COLUMNS, trade_off
from rnnbench.results.columns import CONTINUAL, TIMING
from rnnbench.results.reading import Results

SEEDS = 6


def results(interference: dict[str, list[list[float]]], counted: dict[str, bool] | None = None) -> Results:
    """Results with the given interference and every rule's accuracies, losses and times.

    `interference` has, for each rule, the values [pair][seed] of the pairs (a, b) and (b, a). `counted` says for a rule
    whether its networks learnt the first task.
    """
    rules = [{"use": "gradient_descent", "label": rule, "beta1": 0.5 + 0.01 * k} for k, rule in enumerate(interference)]
    tasks = [{"use": "fixed_points", "label": "a"}, {"use": "fixed_points", "label": "b"}]
    benchmark = load_benchmark({"name": "made", "tasks": tasks, "rules": rules, "seeds": SEEDS})
    rows, times, accuracies = [], [], []
    for k, (rule, pairs) in enumerate(interference.items()):
        setting = {"condition": "", "architecture": "vanilla_rnn", "rule": rule, "g": 0.9, "units": 256}
        for (first, second), values in zip([("a", "b"), ("b", "a")], pairs, strict=True):
            for seed, value in enumerate(values):
                pair = {"earlier_tasks": "", "first_task": first, "second_task": second, "seed": seed}
                outcome = {"status": "done", "converged_first": (counted or {}).get(rule, True), "interference": value}
                losses = {"second_loss_untrained": 2.0, "second_loss_after": 0.5 * (k + 1)}
                outcome |= {"converged_second": seed > 0, "updates_second": 10 * (k + 1)}
                rows.append(setting | pair | outcome | losses)
                rows.append(setting | pair | {"second_task": first} | outcome | losses)  # the drift control
                accuracies.append(
                    setting | {"history": f"{first} > {second}", "seed": seed, "acc_lopez_paz_2017": 0.9 - 0.1 * k}
                )
                for history, seconds in (
                    (first, 7.0),
                    (f"{first} > {second}", (1 + k) * 2.0),
                    (f"{first} > {first}", 9),
                ):
                    times.append(setting | {"history": history, "seed": seed, "updates": 100, "seconds": seconds})
    return Results(
        Path("made"),
        benchmark,
        {
            "interference": pd.DataFrame(rows),
            "continual": pd.DataFrame(accuracies).reindex(columns=CONTINUAL.names),
            "timing": pd.DataFrame(times)[TIMING.names],
        },
    )


def rows_of(table: pd.DataFrame) -> dict[str, dict]:
    return {row["rule"]: row for row in table.to_dict("records")}


def test_means_differences_and_costs():
    seeds = np.arange(SEEDS) / 10
    found = rows_of(trade_off(results({"plain": [2 + seeds, 1 + seeds], "kept": [1 + seeds, 0.5 + 2 * seeds]})))
    plain, kept = found["plain"], found["kept"]
    assert plain["interference"] == pytest.approx(1.75) and kept["interference"] == pytest.approx(1.125)
    assert kept["difference"] == pytest.approx(-0.625)
    assert plain["accuracy"] == pytest.approx(0.9) and kept["accuracy"] == pytest.approx(0.8)
    assert plain["learnt"] == pytest.approx(0.75) and kept["learnt"] == pytest.approx(0.5)
    # 100 updates of the second tasks took 4 s and 2 s; first tasks and drift controls are not included.
    assert kept["cost"] == pytest.approx(2.0) and plain["cost"] == pytest.approx(1.0)
    assert kept["updates"] == pytest.approx(2.0)
    assert kept["counted"] == 1 and kept["reached"] == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    "shift, verdict", [(-0.5, "less"), (0.5, "more"), (0.0, "as much")], ids=["lower", "higher", "the same"]
)
def test_verdicts(shift, verdict):
    base = np.linspace(1, 2, SEEDS)
    found = rows_of(trade_off(results({"plain": [base, base], "other": [base + shift, base + shift]})))
    assert found["plain"]["verdict"] == "reference" and found["other"]["verdict"] == verdict
    if shift:
        assert found["other"]["p"] == pytest.approx(2.0**-SEEDS)


def test_a_difference_within_the_spread_is_undecided():
    base, spread = np.ones(SEEDS), np.array([-1, 1, -1, 1, -1, 0.9])
    assert (
        rows_of(trade_off(results({"plain": [base] * 2, "other": [base + spread] * 2})))["other"]["verdict"]
        == "undecided"
    )


def test_only_pairs_that_count_under_both_are_compared():
    base = np.ones(SEEDS)
    some = np.where(np.arange(SEEDS) < 3, np.nan, 0.5)
    other = rows_of(trade_off(results({"plain": [base, 3 * base], "other": [some, some]})))["other"]
    # Seeds 3 to 5 on both pairs: 0.5 - mean(1, 3).
    assert other["difference"] == pytest.approx(-1.5) and other["counted"] == pytest.approx(0.5)
    none = rows_of(trade_off(results({"plain": [base] * 2, "other": [base] * 2}, {"other": False})))["other"]
    assert none["verdict"] == "none counts" and math.isnan(none["interference"]) and none["counted"] == 0


def test_the_means_of_all_rules_are_over_the_same_pairs_and_seeds():
    some = np.where(np.arange(SEEDS) < 3, np.nan, 0.5)
    found = trade_off(results({"plain": [np.arange(SEEDS), 3 * np.arange(SEEDS)], "other": [some, np.ones(SEEDS)]}))
    plain = rows_of(found)["plain"]
    # Seeds 3 to 5 on (a, b), and all seeds on (b, a); each seed is averaged over its pairs first.
    assert plain["interference"] == pytest.approx(np.mean([0, 3, 6, 6, 8, 10]))
    assert [plain[name] for name in ("n_pairs", "of_pairs", "n_networks", "of_networks")] == [2, 2, 9, 12]
    few = np.where(np.arange(SEEDS) < 4, np.nan, 0.5)
    table = trade_off(results({"plain": [np.ones(SEEDS)] * 2, "few": [few, few]}))
    assert math.isnan(rows_of(table)["few"]["interference"]) and rows_of(table)["few"]["difference"] == -0.5
    assert rows_of(table)["plain"]["n_networks"] == 12


def test_files_and_figure(tmp_path):
    made = results({"plain": [np.ones(SEEDS)] * 2, "a|b $x$": [np.full(SEEDS, 9.0)] * 2})
    table = write_trade_off(made, tmp_path)
    assert list(table) == list(TRADE_OFF_COLUMNS)
    assert (tmp_path / "trade_off.png").stat().st_size > 10_000
    text = (tmp_path / "trade_off.md").read_text()
    assert r"a\|b $x$" in text and "more" in text and "| 1.00 (1.00 to 1.00) |" in text
    again = pd.read_csv(tmp_path / "trade_off.csv")
    np.testing.assert_allclose(again["cost"], [1, 2])
    assert markdown(table, made.benchmark) == text
    assert len(trade_off_figure(table).axes) == 2


def test_results_without_pairs_of_different_tasks_are_refused():
    made = results({"plain": [np.ones(SEEDS)] * 2})
    table = made.interference
    alone = table[table["first_task"] == table["second_task"]]
    with pytest.raises(RnnbenchError, match="made: no pair of different tasks"):
        trade_off(Results(made.folder, made.benchmark, {"interference": alone}))
