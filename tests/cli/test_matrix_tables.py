"""The line of text below a matrix: the mean, and its interval where there is one."""

from __future__ import annotations

import pandas as pd
import pytest

from rnnbench.cli.matrix_tables import summary_lines


def table_of(seeds):
    names = {"condition": "", "architecture": "v", "rule": "r", "g": 0.9, "units": 8, "earlier_tasks": ""}
    each = {"first_task": "a", "second_task": "b", "converged_first": True, "status": "done"}
    return pd.DataFrame([names | each | {"seed": seed, "interference": 0.5 + 0.1 * seed} for seed in range(seeds)])


@pytest.mark.parametrize(("seeds", "text"), [(1, "(1 seed, no interval)"), (4, "(4 seeds, no interval)")])
def test_few_seeds_have_no_interval(seeds, text):
    (line,) = summary_lines(table_of(seeds))
    assert text in line.plain
    assert "nan" not in line.plain


def test_five_seeds_have_an_interval():
    (line,) = summary_lines(table_of(5))
    assert "95 % interval over 5 seeds: " in line.plain
