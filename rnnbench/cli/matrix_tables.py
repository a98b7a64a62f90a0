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

from rnnbench.messages import counted
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
        matrices.setdefault(f"interference I(A ← B), {idle}: {_name(row)}", []).append(row)
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
    lost, costs = (others.groupby(name, sort=False)["mean"] for name in ("first_task", "second_task"))
    summary = Table(title=Text(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("task", "loses", "most to", "costs", "most"):
        summary.add_column(name, justify="right" if name in ("loses", "costs") else "left", no_wrap=True)
    for task in dict.fromkeys(row["first_task"] for row in rows):
        worst = [_worst(others, "first_task", task, "second_task"), _worst(others, "second_task", task, "first_task")]
        means = [number(group.mean().get(task)) for group in (lost, costs)]
        summary.add_row(Text(task), means[0], worst[0], means[1], worst[1])
    summary.caption = (
        "Means over the other tasks. The whole matrix is too wide for this terminal; it is in the figures."
    )
    summary.caption_justify = "left"
    return summary


def _worst(entries: pd.DataFrame, by: str, task: str, partner: str) -> Text:
    """The task with which interference is largest, and how large it is."""
    own = entries[(entries[by] == task) & entries["mean"].notna()]
    if own.empty:
        return Text(DASH, style="dim")
    row = own.sort_values("mean").iloc[-1]
    return Text(f"{row[partner]} {number(row['mean'])}")


def summary_lines(table: pd.DataFrame) -> list[Text]:
    """One line for each matrix: its mean over pairs of different tasks, over how many, and that of the drift control.

    Args:
        table: the rows of interference.csv.

    Returns:
        Lines with the means and with the 95 % interval of the first one over seeds.
    """
    same = table["first_task"] == table["second_task"]
    rng = np.random.default_rng(0)
    control = over_seeds(table[same], MATRIX, rng).to_dict("records")
    entries = matrix_table(table[~same])
    lines = []
    for pairs in over_seeds(table[~same], MATRIX, rng).to_dict("records"):
        if pairs["n_seeds"] == 0:
            lines.append(Text(f"{_name(pairs)}: no network counts"))
            continue
        drift = next((c["mean"] for c in control if all(str(c[n]) == str(pairs[n]) for n in MATRIX)), math.nan)
        continued = "" if math.isnan(drift) else f", {number(drift)} if only A is trained further"
        interval = f"95 % interval over {pairs['n_seeds']} seeds: {number(pairs['low'])} to {number(pairs['high'])}"
        if math.isnan(pairs["low"]):
            interval = f"{counted(pairs['n_seeds'], 'seed')}, no interval"
        own = entries[(entries[MATRIX].astype(str) == [str(pairs[name]) for name in MATRIX]).all(axis=1)]
        over = f"over {(own['counted'] > 0).sum()} of {counted(len(own), 'pair')} of different tasks"
        lines.append(Text(f"{_name(pairs)}: {number(pairs['mean'])} {over} ({interval}){continued}"))
    return lines


def control_line(table: pd.DataFrame) -> list[Text]:
    """One line about the drift control: interference if A is trained further in place of B; none if there is none.

    Args:
        table: the rows of interference.csv.
    """
    same = table[table["first_task"] == table["second_task"]]
    means = over_seeds(same, MATRIX, np.random.default_rng(0))["mean"].dropna()
    if means.empty:
        return []
    low, high = number(means.min()), number(means.max())
    return [Text(f"if only A is trained further: {low if low == high else f'{low} to {high}'}")]


def _name(row: dict[Any, Any]) -> str:
    g = "" if pd.isna(row["g"]) else f", g = {row['g']:g}"
    condition = f", {row['condition'].replace('=', ' = ')}" if row["condition"] else ""
    earlier = f", after {row['earlier_tasks']}" if row["earlier_tasks"] else ""
    return f"{row['architecture']}, {row['rule']}, N = {row['units']}{g}{condition}{earlier}"


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
