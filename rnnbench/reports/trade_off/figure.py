"""Figure of the trade-off: interference against what is learnt, with one numbered point for each learning rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.figures import style
from rnnbench.reports.trade_off.table import told

PANELS = {
    "accuracy": "final accuracy, mean over both tasks",
    "learnt": "second task learnt: 1 − loss / untrained loss",
}
COLOURS = {"less": "#1b7a8c", "more": "#b3367a", "reference": style.INK}
OTHER = "#8a8a8a"
BEYOND = 4.5
"""Interference above this value is drawn at the edge, with an arrow."""
LOWEST = -0.9
"""Lower values of what is learnt are drawn at this value."""


def trade_off_figure(table: pd.DataFrame) -> Figure:
    """Draw interference against final accuracy, and against what was learnt of the second task.

    Bars are 95 % intervals over seeds, for five seeds or more. A rule under which fewer than half of the networks count
    has no mean over the same pairs as the others, and appears only in the legend.

    Args:
        table: the table that `rnnbench.reports.trade_off.table.trade_off` returns.

    Returns:
        The figure, not saved.
    """
    names = _names(table)
    panels = [column for column in PANELS if (table["interference"].notna() & table[column].notna()).any()]
    if not panels:
        return style.nothing("no pair and seed counts under all rules, so there is no interference to show")
    rows = int(np.ceil(len(table) / 4))
    with style.look("whitegrid"):
        height = 4.72 + 0.18 * rows
        figure = style.new_figure(style.WIDTH, height)
        grid = figure.add_gridspec(
            1, len(panels), left=0.07, right=0.985, top=1 - 0.1 / height, bottom=1 - 3.75 / height, wspace=0.16
        )
        for index, column in enumerate(panels):
            _panel(figure.add_subplot(grid[index]), table, column)
        _key(figure, table, names, 1 - 4.62 / height)
    return figure


def _panel(axes: Axes, table: pd.DataFrame, column: str) -> None:
    for number, row in enumerate(table.to_dict("records"), start=1):
        if np.isfinite(row["interference"]) and np.isfinite(row[column]):
            _point(axes, row, column, number)
    axes.axvline(0, color=style.MUTED, lw=0.8)
    idle, over = told(table)
    axes.set(xlabel=f"interference I(A ← B), {idle},\n{over}; bars: 95 % over seeds", ylabel=PANELS[column])
    left, right = axes.get_xlim()
    axes.set_xlim(max(left, -1.0), min(right, BEYOND + 0.35))
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, LOWEST - 0.1), top)
    style.quiet(axes)


def _point(axes: Axes, row: dict[Any, Any], column: str, number: int) -> None:
    x, y = min(row["interference"], BEYOND), max(row[column], LOWEST)
    colour = COLOURS.get(row["verdict"], OTHER)
    for measure, along in (("interference", axes.hlines), (column, axes.vlines)):
        low, high = row[f"{measure}_low"], row[f"{measure}_high"]
        if np.isfinite(low) and np.isfinite(high):
            along(y if measure == "interference" else x, low, high, color=colour, lw=0.8, zorder=2)
    axes.plot(
        x,
        y,
        "o",
        ms=10.5,
        mfc=colour,
        mec="white",
        zorder=3,
    )
    if row["interference"] > BEYOND:
        axes.annotate("→", (x, y), (7, 0), textcoords="offset points", va="center", color=colour, fontsize=9)
    axes.annotate(
        str(number),
        (x, y),
        ha="center",
        va="center_baseline",
        fontsize=7,
        color="white",
        zorder=4,
    )


def _key(figure: Figure, table: pd.DataFrame, names: list[str], top: float) -> None:
    """Draw the legend: the meaning of the numbers and of the colours."""
    height = figure.get_size_inches()[1]
    for k, (name, row) in enumerate(zip(names, table.to_dict("records"), strict=True)):
        few = "none learnt A" if not row["counted"] else "few count"
        note = "" if np.isfinite(row["interference"]) else f" ({few})"
        colour = COLOURS.get(row["verdict"], style.MUTED)
        x, y = 0.07 + 0.235 * (k % 4), top - 0.18 * (k // 4) / height
        figure.text(x, y, f"{k + 1}  {name}{note}", color=colour, fontsize=8.5, va="top")
    labels = {"reference": "reference", "less": "less interference", "more": "more interference"}
    handles = [Line2D([], [], ls="", marker="o", color=COLOURS[k], label=text) for k, text in labels.items()]
    handles.append(Line2D([], [], ls="", marker="o", color=OTHER, label="undecided"))
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.062, top + 0.32 / height), ncols=4, frameon=False
    )


def _names(table: pd.DataFrame) -> list[str]:
    """The name of each point in the legend: the values in which the points differ."""
    columns = [c for c in ("condition", "architecture", "g", "units", "rule") if table[c].nunique(dropna=False) > 1]
    rows = table[columns or ["rule"]].to_dict("records")
    return [style.pretty(", ".join(_label(name, value) for name, value in row.items()), 34) for row in rows]


def _label(name: object, value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "no g"
    return {"g": f"g = {value}", "units": f"N = {value}"}.get(str(name), str(value))
