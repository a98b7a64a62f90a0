"""What the terminal says about changes and variance: from the tables, in 80 columns, each line with its own counts."""

from __future__ import annotations

import io
import math

import pandas as pd
import pytest
from planted_curves import TASKS, along_g, network, tables
from rich.console import Console

from rnnbench.cli.answers import trend_lines, variance_lines
from rnnbench.cli.comparison_tables import comparison_tables
from rnnbench.results.tables import summaries

IDLE = "idle outputs trained to zero"


def printed(*parts: object) -> str:
    console = Console(file=io.StringIO(), width=80)
    for part in parts:
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def summarised(networks) -> dict[str, pd.DataFrame]:
    interference, curves = tables(networks)
    return summaries(interference.assign(skill_lost=interference["interference"].clip(0, 1)), curves)


@pytest.fixture(scope="module")
def found() -> dict[str, pd.DataFrame]:
    return summarised(along_g({0.5: 0.04, 1.0: 0.08, 2.0: 0.16}, {0.5: 0.9, 1.0: 0.5, 2.0: 0.2}, spread=0.05))


@pytest.fixture(scope="module")
def several() -> dict[str, pd.DataFrame]:
    """Two values of g, two of drive and two rules, with one architecture and one size."""
    return summarised(
        [
            network(g, a, b, seed, 0.04, g + 0.1 * seed, condition=f"drive={drive}", drive=drive, rule=rule)
            for g in (0.5, 1.2)
            for drive in (0.1, 0.2)
            for rule in ("sgd", "adam")
            for a in TASKS
            for b in TASKS
            for seed in range(2)
        ]
    )


def row_of(trends: pd.DataFrame, moment: str, quantity: str = "interference") -> pd.Series:
    return trends.query("moment == @moment and quantity == @quantity").iloc[0]


def text_of(number: float) -> str:
    return f"{number:.2f}".replace("-", "−")


def test_a_trend_gives_the_change_the_pairs_and_the_intervals_of_the_same_moment(found):
    trends = found["trends"].copy()
    at = {moment: (trends["moment"] == moment) & (trends["quantity"] == "interference") for moment in trends["moment"]}
    trends.loc[at["updates"], "n_falling"], trends.loc[at["criterion"], "n_falling"] = 17, 19
    lines = printed(*trend_lines(trends, IDLE)).splitlines()
    assert max(map(len, lines)) <= 80
    updates, criterion = row_of(trends, "updates"), row_of(trends, "criterion")
    lost = row_of(trends, "updates", "skill_lost")
    over = [
        f"{text_of(row[f'low{unit}'])} to {text_of(row[f'high{unit}'])} over {unit.strip('_') or 'seeds'}"
        for row, unit in ((updates, ""), (updates, "_tasks"), (criterion, ""), (lost, ""))
    ]
    assert lines == [
        f"change of interference (95 % intervals), {IDLE}:",
        f"g 0.5 to 2, equal updates: {text_of(updates['change'])}, 17 of 20 pairs fall",
        f"  ({over[0]}; {over[1]})",
        f"  at B's criterion: {text_of(criterion['change'])}, 19 of 20 pairs fall ({over[2]})",
        f"  skill lost (0 to 1), equal updates: {text_of(lost['change'])} ({over[3]})",
    ]


def test_a_wide_terminal_has_each_statement_on_one_line(found):
    lines = [line.plain for line in trend_lines(found["trends"], IDLE, width=120)]
    assert not any("\n" in line for line in lines)
    assert "over seeds" in lines[1] and "over tasks" in lines[1]


def test_trend_lines_name_what_varies_and_nothing_else(several):
    lines = printed(*trend_lines(several["trends"], IDLE)).splitlines()
    starts = [line.partition(", equal updates")[0] for line in lines[1:] if line[0] != " "]
    assert sorted(starts) == sorted(
        [f"g 0.5 to 1.2, {rule}, drive = {drive}" for rule in ("sgd", "adam") for drive in ("0.1", "0.2")]
        + [f"drive 0.1 to 0.2, {rule}, g = {g}" for rule in ("sgd", "adam") for g in ("0.5", "1.2")]
    )


def test_variance_lines_have_both_intervals_on_at_most_two_lines(found):
    lines = [line.plain for line in variance_lines(found["decomposition"], IDLE)]
    assert " ".join(lines[0].split()) == f"variance of interference between networks (95 % intervals), {IDLE}:"
    assert [line.partition(":")[0] for line in lines[1:]] == ["g = 0.5", "g = 1", "g = 2"]
    table = found["decomposition"].query("quantity == 'interference'")
    for line, (_, rows) in zip(lines[1:], table.groupby("g"), strict=True):
        assert line.count("\n") <= 1 and max(map(len, line.splitlines())) <= 80
        by = rows.set_index("term")
        low, high, low_tasks, high_tasks = (
            f"{100 * by.loc['pair', end]:.0f}" for end in ("low", "high", "low_tasks", "high_tasks")
        )
        told = " ".join(line.split())
        assert f"the pair ({low} to {high} over seeds, {low_tasks} to {high_tasks} over tasks);" in told
        assert told.endswith(f"additive R² {text_of(by.loc['additive R2', 'value'])}")


def test_variance_lines_name_what_varies_even_if_much_does(several):
    lines = [line.plain for line in variance_lines(several["decomposition"], IDLE)]
    names = [line.partition(":")[0] for line in lines[1:]]
    assert len(set(names)) == len(names) == 8
    assert names[0] == "sgd, g = 0.5, drive = 0.1"
    for line in lines[1:]:
        assert line.count("\n") <= 1 and max(map(len, line.splitlines())) <= 80


def test_variance_over_different_numbers_of_networks_says_so(found):
    table = found["decomposition"]
    assert "networks" not in variance_lines(table, IDLE)[1].plain
    fewer = table.assign(n_networks=table["n_networks"].where(table["g"] != 1, 77))
    lines = [line.plain for line in variance_lines(fewer, IDLE)]
    assert [line.rpartition("; ")[2] for line in lines[1:]] == [f"over {n} networks" for n in (100, 77, 100)]


def test_a_single_matrix_needs_no_name_and_few_seeds_have_no_interval():
    lines = variance_lines(summarised(along_g({1.0: 0.04}, {1.0: 0.5}, range(2), 0.05))["decomposition"], IDLE)
    assert len(lines) == 2
    assert lines[1].plain[0].isdigit() and "over seeds" not in lines[1].plain


def test_nothing_to_compare_says_nothing():
    found = summarised(along_g({1.0: 0.04}, {1.0: 0.5}, seeds=range(1)))
    assert comparison_tables(found["comparisons"], IDLE) == []
    assert trend_lines(found["trends"], IDLE) == [] and variance_lines(found["decomposition"], IDLE) == []


def test_where_no_pair_counts_at_all_values_the_line_says_so(found):
    trends = found["trends"].assign(change=math.nan, n_pairs=0, n_falling=0)
    assert [line.plain for line in trend_lines(trends, IDLE)][1:] == ["g 0.5 to 2: no pair counts at all values"]
