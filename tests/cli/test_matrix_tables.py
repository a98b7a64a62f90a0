"""Matrices too wide for the terminal, and the lines of their means: over how many pairs, and with which interval."""

from __future__ import annotations

import io
import math

import pandas as pd
import pytest
from rich.console import Console

from rnnbench.cli.matrix_tables import control_line, matrix_tables, summary_lines

IDLE = "idle outputs free"


def table_of(seeds, pairs=("ab",), **more):
    names = {"condition": "", "architecture": "v", "rule": "r", "g": 0.9, "units": 8, "earlier_tasks": ""} | more
    each = {"converged_first": True, "status": "done", "idle_outputs": "free"}
    return pd.DataFrame(
        [
            names | each | {"first_task": a, "second_task": b, "seed": seed, "interference": 0.5 + 0.1 * seed}
            for a, b in pairs
            for seed in range(seeds)
        ]
    )


@pytest.mark.parametrize(("seeds", "text"), [(1, "no interval, 1 seed"), (4, "no interval, 4 seeds")])
def test_few_seeds_have_no_interval(seeds, text):
    heading, line = summary_lines(table_of(seeds), IDLE)
    assert IDLE in heading.plain
    assert text in line.plain
    assert "nan" not in line.plain


def test_five_seeds_have_an_interval():
    _, line = summary_lines(table_of(5), IDLE)
    assert "95 % interval over 5 seeds: " in line.plain


@pytest.mark.parametrize("g", [0.9, math.nan])
def test_a_line_says_over_how_many_pairs_it_is_with_and_without_g(g):
    table = table_of(2, pairs=("ab", "ba", "aa"), g=g)
    table["converged_first"] = (table["first_task"] != "b") & ~((table["seed"] == 1) & (table["second_task"] == "b"))
    _, line = summary_lines(table, IDLE)
    assert line.plain == (
        "0.50 over 1 of 2 pairs (1 of 4 networks); no interval, 1 seed;\n  0.55 if only A is trained further"
    )


def test_lines_of_several_matrices_name_what_varies_and_stay_within_80_columns():
    table = pd.concat(
        [
            table_of(5, architecture="vanilla_rnn", rule="gradient_descent"),
            table_of(5, architecture="gru", rule="gradient_descent", g=math.nan),
            table_of(5, architecture="gru", rule="gradient_descent", g=math.nan, units=16, earlier_tasks="c"),
        ],
        ignore_index=True,
    )
    lines = [line.plain for line in summary_lines(table, IDLE)]
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "vanilla_rnn, N = 8, g = 0.9, no earlier task",
        "gru, N = 8, no earlier task",
        "gru, N = 16, after c",
    ]
    assert max(len(part) for line in lines for part in line.splitlines()) <= 80


def test_without_pairs_there_are_no_lines():
    assert summary_lines(table_of(2, pairs=("aa",)), IDLE) == []
    assert control_line(table_of(2)) == []
    (line,) = control_line(table_of(2, pairs=("aa",)))
    assert line.plain == f"interference if only A is trained further, {IDLE}: 0.55"


def test_a_matrix_that_is_too_wide_is_summarised_with_its_counts():
    tasks = "abcdefghijklmnopqrst"
    table = table_of(2, pairs=[(a, b) for a in tasks for b in tasks])
    console = Console(file=io.StringIO(), width=60)

    def shown() -> tuple[str, dict[str, list[str]]]:
        (summary,) = matrix_tables(table, console)
        console.file = io.StringIO()
        console.print(summary)
        text = console.file.getvalue()
        rows = {words[0]: words for line in text.splitlines() if (words := line.split()) and words[0] in tasks}
        return " ".join(text.split()), rows

    text, rows = shown()
    assert "Means over the other tasks, over 380 of 380 pairs (760 of 760 networks)." in text
    assert rows["a"][1] == "0.55" and "/" not in rows["a"][2]
    table.loc[(table["first_task"] == "a") & table["second_task"].isin(["c", "d"]), "converged_first"] = False
    text, rows = shown()
    assert "over 378 of 380 pairs (756 of 760 networks); 3/5: of 5 pairs, 3 count." in text
    assert rows["a"][1:3] == ["0.55", "17/19"]
    assert rows["c"].count("18/19") == 1 and "17/19" not in rows["b"]
