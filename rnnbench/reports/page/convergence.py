"""Number of networks that reached their criterion, for every task as the first and as the second task."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from rnnbench.figures.summary import task_order
from rnnbench.reports.page.settings import names, setting_of
from rnnbench.results.columns import MATRIX
from rnnbench.results.interference import converged


@dataclass(frozen=True)
class Reached:
    """How many networks reached the criterion of a task.

    Attributes:
        n: number of networks that reached it.
        of: number of networks that were trained.
        updates: median number of updates of those that reached it; NaN if unknown.
    """

    n: int
    of: int
    updates: float


@dataclass(frozen=True)
class Convergence:
    """Convergence of all settings and tasks.

    Attributes:
        tasks: the tasks, in the order of the columns.
        rows: for each setting, its name and for each task the networks that learnt it first and those that learnt it
            second; None where there are none.
        failed: number of rows of the interference table that failed.
    """

    tasks: list[str]
    rows: list[tuple[str, list[tuple[Reached | None, Reached | None]]]]
    failed: int


def convergence(table: pd.DataFrame) -> Convergence:
    """Convergence in an interference table.

    Rows with the same first task and seed start from the same network, which counts once.

    Args:
        table: an interference table.
    """
    tasks = task_order(table)
    groups = [rows for _, rows in table.groupby(MATRIX, dropna=False, sort=False)]
    _, each = names([setting_of(rows.iloc[0]) for rows in groups])
    rows = [
        (name, [(_first(group, t), _second(group, t)) for t in tasks]) for name, group in zip(each, groups, strict=True)
    ]
    return Convergence(tasks, rows, int(table["status"].eq("failed").sum()))


def _first(rows: pd.DataFrame, task: str) -> Reached | None:
    of = rows[rows["first_task"] == task].drop_duplicates("seed")
    return _reached(converged(of), of.get("updates_first"))


def _second(rows: pd.DataFrame, task: str) -> Reached | None:
    of = rows[(rows["second_task"] == task) & (rows["first_task"] != task)]
    if "converged_second" not in of:
        return None
    return _reached(of["converged_second"].eq(True).fillna(False).astype(bool), of.get("updates_second"))


def _reached(reached: pd.Series, updates: pd.Series | None) -> Reached | None:
    if reached.empty:
        return None
    known = updates[reached].astype(float) if updates is not None else pd.Series(dtype=float)
    return Reached(int(reached.sum()), len(reached), float(known.median()))
