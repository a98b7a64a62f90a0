"""The terminal shows a whole matrix if it fits, and otherwise a summary of what each task loses and costs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import pytest
from rich.console import Console

from rnnbench.cli.matrix_tables import matrix_tables
from rnnbench.cli.run_display import plan_table
from rnnbench.execution.prepare import prepare
from rnnbench.results.heartbeat import Heartbeat

TASKS = [f"contextual{n}" for n in range(8)]


def shown(width: int, value: Callable[[int, int], float]) -> str:
    rows = [
        {
            "architecture": "rnn",
            "rule": "gd",
            "g": 1.0,
            "units": 8,
            "seed": 0,
            "status": "done",
            "converged_first": True,
        }
        | {"first_task": TASKS[a], "second_task": TASKS[b], "interference": value(a, b)}
        for a in range(8)
        for b in range(8)
    ]
    console = Console(width=width)
    with console.capture() as capture:
        for table in matrix_tables(pd.DataFrame(rows), console):
            console.print(table)
    return capture.get()


def test_a_matrix_that_fits_is_shown_with_every_entry():
    out = shown(200, lambda a, b: a + b / 100)
    assert all(f" {a + b / 100:.2f} " in out for a in range(8) for b in range(8))


def test_a_matrix_that_is_too_wide_is_shown_as_a_line_for_each_task_with_the_worst_partners():
    # Task a loses the mean of a + b / 100 over the other tasks b, most to the last of them. The same holds for costs.
    out = shown(80, lambda a, b: a + b / 100)
    line = next(line for line in out.splitlines() if line.startswith(TASKS[2])).split()
    lost = sum(2 + b / 100 for b in range(8) if b != 2) / 7
    cost = sum(a + 2 / 100 for a in range(8) if a != 2) / 7
    assert line == [TASKS[2], f"{lost:.2f}", TASKS[7], "2.07", f"{cost:.2f}", TASKS[7], "7.02"]
    assert "too wide" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_task_that_no_network_learnt_has_a_dash():
    out = shown(80, lambda a, b: math.nan if a == 3 else 1.0)
    line = next(line for line in out.splitlines() if line.startswith(TASKS[3])).split()
    assert line[1:3] == ["–", "–"]
    assert line[3] == "1.00"


@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_is_not_an_error(width):
    assert TASKS[0][:4] in shown(width, lambda a, b: 1.0)


def test_the_plan_mentions_another_run_in_the_same_folder(tmp_path):
    description = {
        "name": "two",
        "tasks": ["fixed_points", "complex_sine"],
        "architectures": [{"use": "vanilla_rnn", "units": 4}],
        "rules": ["gradient_descent"],
        "seeds": 1,
    }

    def plan() -> str:
        console = Console(width=200)
        with console.capture() as capture:
            console.print(plan_table(prepared))
        return capture.get()

    prepared = prepare(description, tmp_path)
    cells = list(prepared.plan.missing)
    assert "another run" not in plan()
    with Heartbeat(prepared.folder, [*cells[:2], "of another description"]):
        assert "2 of these by another run" in plan()
    assert "another run" not in plan()
