"""Interference matrices as tables for the terminal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rnnbench.cli.console import folded
from rnnbench.cli.setting_names import full_name, of_setting, varying_names
from rnnbench.messages import counted
from rnnbench.reports.equal_pairs import over
from rnnbench.reports.numbers import DASH, number
from rnnbench.results.columns import MATRIX
from rnnbench.results.interference import idle_outputs, matrix_table, over_seeds

SPREAD = "mean over seeds, ± standard deviation"


def matrix_tables(table: pd.DataFrame, console: Console) -> list[Table]:
    """The interference matrix of each architecture, rule and g, with mean and spread over seeds.

    If a matrix is too wide for the console, it is replaced by a summary with a row for each task: how much the task
    loses, and how much it costs the others.

    Args:
        table: the rows of interference.csv.
        console: the console that will show the tables.
    """
    matrices: dict[str, list[dict[Any, Any]]] = {}
    idle = idle_outputs(table)
    for row in matrix_table(table).to_dict("records"):
        matrices.setdefault(f"interference I(A ← B), {idle}: {full_name(row)}", []).append(row)
    shown = []
    for title, rows in matrices.items():
        grid = _grid(title, rows)
        fits = Measurement.get(console, console.options.update(max_width=10_000), grid).minimum <= console.width
        shown.append(grid if fits else _summary(title, rows))
    return shown


def _grid(title: str, rows: list[dict[Any, Any]]) -> Table:
    entries = {(row["first_task"], row["second_task"]): _entry(row) for row in rows}
    grid = Table(title=Text(title), title_justify="left", padding=(0, 1), show_lines=True)
    grid.caption, grid.caption_justify = Text(SPREAD), "left"
    seconds = list(dict.fromkeys(second for _, second in entries))
    grid.add_column("first task A")
    for second in seconds:
        grid.add_column(Text(second.replace("_", " ")), justify="right")
    for first in dict.fromkeys(first for first, _ in entries):
        grid.add_row(
            Text(first.replace("_", " ")),
            *(entries.get((first, second), Text(DASH, style="dim")) for second in seconds),
        )
    return grid


def _summary(title: str, rows: list[dict[Any, Any]]) -> Table:
    """What each task loses to the others and what it costs them, as means over the entries in which networks count."""
    entries = pd.DataFrame(rows)
    others = entries[entries["first_task"] != entries["second_task"]]
    summary = Table(title=Text(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("task", "loses", "most to", "costs", "most"):
        summary.add_column(name, justify="right" if name in ("loses", "costs") else "left", no_wrap=True)
    tasks = list(dict.fromkeys(row["first_task"] for row in rows))
    loses, costs = (_means(others, name, tasks) for name in ("first_task", "second_task"))
    for task, lost, cost in zip(tasks, loses, costs, strict=True):
        most_to, most = (
            _worst(others, "first_task", task, "second_task"),
            _worst(others, "second_task", task, "first_task"),
        )
        summary.add_row(Text(task), lost, most_to, cost, most)
    summary.caption, summary.caption_justify = Text(_caption(others)), "left"
    return summary


def _means(entries: pd.DataFrame, by: str, tasks: list[str]) -> list[Text]:
    """The mean of each task over the entries in which networks count, and their number if it is not that of all."""
    means, marks = [], []
    for task in tasks:
        own = entries[entries[by] == task]
        known = own["mean"].notna().sum()
        means.append(number(own["mean"].mean()))
        marks.append(f" {known}/{len(own)}" if 0 < known < len(own) else "")
    longest = max(map(len, marks))  # the numbers stay below each other
    return [Text(mean).append(mark.ljust(longest), style="bold") for mean, mark in zip(means, marks, strict=True)]


def _caption(entries: pd.DataFrame) -> str:
    """Over how many pairs and networks a summary is, and where the whole matrix is."""
    n_pairs, n_networks = int((entries["counted"] > 0).sum()), int(entries["counted"].sum())
    counts = over(n_pairs, len(entries), n_networks, int(entries["networks"].sum()), same=False)
    marked = "; 3/5: of 5 pairs, 3 count" if 0 < n_pairs < len(entries) else ""
    return (
        f"Means over the other tasks, {counts}{marked}. The whole matrix is too wide for this terminal; it is in the "
        "figures."
    )


def _worst(entries: pd.DataFrame, by: str, task: str, partner: str) -> Text:
    """The task with which interference is largest, and how large it is."""
    own = entries[(entries[by] == task) & entries["mean"].notna()]
    if own.empty:
        return Text(DASH, style="dim")
    row = own.sort_values("mean").iloc[-1]
    return Text(f"{row[partner]} {number(row['mean'])}")


def summary_lines(table: pd.DataFrame, idle: str, width: int = 80) -> list[Text]:
    """The mean over pairs of different tasks of each matrix, over how many, and that of the drift control.

    These means are not over the same pairs, so that each line says over how many of them it is.

    Args:
        table: rows of interference.csv.
        idle: what happened to idle outputs, as a phrase.
        width: number of columns of the terminal.

    Returns:
        A heading, and a line for each matrix with the 95 % interval over seeds; nothing if there are no pairs.
    """
    same = table["first_task"] == table["second_task"]
    if same.all():
        return []
    rng = np.random.default_rng(0)
    control = over_seeds(table[same], MATRIX, rng)
    entries = matrix_table(table[~same])
    means = over_seeds(table[~same], MATRIX, rng).to_dict("records")
    lines = [folded(["mean interference over the pairs of different tasks that count,", f"{idle}:"], width)]
    for pairs, name in zip(means, varying_names(means), strict=True):
        chunks = _mean_chunks(pairs, of_setting(entries, pairs), of_setting(control, pairs))
        lines.append(folded([f"{name}: {chunks[0]}" if name else chunks[0], *chunks[1:]], width))
    return lines


def _mean_chunks(pairs: dict[Any, Any], entries: pd.DataFrame, control: pd.DataFrame) -> list[str]:
    """The mean of a matrix, over how many entries it is, its interval, and the mean of its drift control."""
    counts = (int((entries["counted"] > 0).sum()), len(entries), int(entries["counted"].sum()))
    which = over(*counts, int(entries["networks"].sum()), same=False)
    if pairs["n_seeds"] == 0:
        return [f"no network counts, {which}"]
    interval = f"95 % interval over {pairs['n_seeds']} seeds: {number(pairs['low'])} to {number(pairs['high'])}"
    if math.isnan(pairs["low"]):
        interval = f"no interval, {counted(pairs['n_seeds'], 'seed')}"
    drift = control["mean"].dropna()
    continued = [] if drift.empty else [f"{number(drift.iloc[0])} if only A is trained further"]
    return [number(pairs["mean"]), f"{which};", f"{interval}{';' if continued else ''}", *continued]


def control_line(table: pd.DataFrame) -> list[Text]:
    """One line about the drift control: interference if A is trained further in place of B; none if there is none.

    Args:
        table: rows of interference.csv.
    """
    same = table[table["first_task"] == table["second_task"]]
    means = over_seeds(same, MATRIX, np.random.default_rng(0))["mean"].dropna()
    if means.empty:
        return []
    low, high = number(means.min()), number(means.max())
    found = low if low == high else f"{low} to {high}"
    return [Text(f"interference if only A is trained further, {idle_outputs(table)}: {found}")]


def _entry(row: dict[Any, Any]) -> Text:
    counted, networks, mean = row["counted"], row["networks"], row["mean"]
    if counted == 0:
        return Text(f"none of {networks}", style="dim")
    is_control = row["first_task"] == row["second_task"]
    style = "dim" if is_control else "red" if mean >= 1 else "yellow" if mean >= 0.1 else "green"
    text = Text(number(mean), style=style)
    if not pd.isna(row["sd"]):
        text.append(f"\n±{number(row['sd'])}", style="dim")
    if counted < networks:
        text.append(f" {counted}/{networks}", style="bold")
    return text
