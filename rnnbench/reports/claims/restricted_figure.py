"""The figure of C4: networks in which a 2x2 matrix learns (points), and the 2x2 model (lines)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Results
from rnnbench.reports.claims.groups import groups, values_of, with_names
from rnnbench.reports.claims.restricted_networks import NETWORK, matrices, prediction
from rnnbench.reports.estimates import Floats

ENTRIES = {(0, 0): "A from A", (0, 1): "A from B", (1, 0): "B from A", (1, 1): "B from B"}
"""M's entries: which output from which pattern's activity."""
ENTRY_COLOURS = ("#31688e", "#c65383", "#ee8440", "#3f9f6f")
MOST_GROUPS = 3
POINTS = 12
"""Points drawn along a curve: more would hide the line."""


def draw(results: Results, table: pd.DataFrame) -> Figure:
    """Two rows for each group (lowest and highest drive): M, L_A, L_B along B's training; interference on the right."""
    blocks = list(groups(table, leaving_out=["units"]))[:MOST_GROUPS]
    with style.look("ticks"):
        figure = style.new_figure(style.WIDTH * 1.1, 0.4 + 4.6 * len(blocks))
        figure.set_layout_engine("constrained")
        grid = figure.add_gridspec(2 * len(blocks), 4, width_ratios=(1, 1, 1, 1.15))
        for place, (name, rows) in enumerate(blocks):
            drives = values_of(rows[rows["counted"]], "drive")
            for row, drive in enumerate([drives[0], drives[-1]] if drives else []):
                axes = [figure.add_subplot(grid[2 * place + row, column]) for column in range(3)]
                _along_training(axes, results, rows[rows["drive"] == drive], f"drive {drive:g}")
            axes_last = figure.add_subplot(grid[2 * place : 2 * place + 2, 3])
            _interference(axes_last, rows, style.pretty(name, 34, 3) if len(blocks) > 1 else "")
        _legend(figure, table)
    return figure


def _legend(figure: Figure, table: pd.DataFrame) -> None:
    """What the colours of M's entries are, and that lines are the model's and points the networks'."""
    handles = [
        Line2D([], [], color=colour, lw=1.6, label=f"M: {label}")
        for label, colour in zip(ENTRIES.values(), ENTRY_COLOURS, strict=True)
    ]
    handles.append(Line2D([], [], color=style.INK, lw=1.6, label="line: 2x2 model"))
    said = f"points: networks, N = {table['units'].max():g} (mean, sd)"
    handles.append(Line2D([], [], color=style.INK, lw=0, marker="o", ms=3.2, label=said))
    figure.legend(handles=handles, loc="outside upper center", ncols=6, frameon=False)


def _along_training(axes: Sequence[Axes], results: Results, rows: pd.DataFrame, title: str) -> None:
    """M, L_A and L_B while B is learnt: the model's lines, and mean and sd over the networks of the largest N."""
    largest = rows[(rows["units"] == rows["units"].max()) & rows["counted"]]
    one = (largest if len(largest) else rows).iloc[0]
    largest = largest[(largest["first_task"] == one["first_task"]) & (largest["second_task"] == one["second_task"])]
    expected = prediction(results, one)
    assert expected is not None
    n = len(expected.m) - 1
    for (entry, label), colour in zip(ENTRIES.items(), ENTRY_COLOURS, strict=True):
        axes[0].plot(expected.m[:, entry[0], entry[1]], color=colour, label=label, lw=1.6)
    if len(results.tracked):
        paths = list(matrices(results, largest).items())
        seeds = set(largest["seed"])
        paths = [(key, path) for key, path in paths if _is_of(key, one) and key[-1] in seeds]
        for entry, colour in zip(ENTRIES, ENTRY_COLOURS, strict=True):
            _points(axes[0], [(u, m[:, entry[0], entry[1]]) for _, (u, m) in paths], n, colour)
    for place, (column, theory) in enumerate(
        (("loss_first", expected.loss_first), ("loss_second", expected.loss_second)), start=1
    ):
        axes[place].plot(theory, color=style.INK, lw=1.6)
        _points(axes[place], _losses(results.curves, one, set(largest["seed"]), column), n, style.INK)
        axes[place].set_ylabel(f"loss on {'AB'[place - 1]}")
    axes[0].set_ylabel("entry of M")
    for each in axes:
        style.quiet(each)
        each.set_title(title)
        each.set_xlabel("updates on B")
    # On one scale: a loss that stays small must look small.
    top = max(each.get_ylim()[1] for each in axes[1:])
    for each in axes[1:]:
        each.set_ylim(0, top)


def _is_of(key: tuple[Any, ...], row: pd.Series) -> bool:
    return all(part == row[name] for part, name in zip(key, NETWORK, strict=True) if name != "seed")


def _losses(curves: pd.DataFrame, row: pd.Series, seeds: set[int], column: str) -> list[tuple[Floats, Floats]]:
    curves = with_names(curves)
    chosen = curves[curves["seed"].isin(seeds) & (curves["condition"] == row["setting"])]
    for name in ("architecture", "rule", "g", "units", "first_task", "second_task"):
        chosen = chosen[chosen[name] == row[name]]
    ordered = chosen.sort_values("update")
    return [(c["update"].to_numpy(float), c[column].to_numpy(float)) for _, c in ordered.groupby("seed")]


def _points(axes: Axes, lines: Sequence[tuple[Floats, Floats]], last: int, colour: object) -> None:
    """Mean and sd over networks at a few updates; a network that stopped keeps its last value."""
    if not lines:
        return
    at = np.linspace(0, last, POINTS)
    values = np.array([np.interp(at, updates, line) for updates, line in lines])
    sd = values.std(axis=0, ddof=1) if len(values) > 1 else None
    axes.errorbar(at, values.mean(axis=0), sd, fmt="o", color=colour, ms=3.2, lw=1)


def _interference(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    """Interference against drive: the model's line, and the networks of each N."""
    drawing.zero_and_one(axes)
    theory = rows.groupby("drive")["theory"].mean()
    axes.plot(theory.index, theory, color=style.INK, lw=1.6, label="2x2 model")
    sizes = values_of(rows, "units")
    for place, (n, colour) in enumerate(zip(sizes, style.colours_of_g(sizes), strict=True)):
        width = 0.006 * (theory.index.max() - theory.index.min())
        counted = rows[(rows["units"] == n) & rows["counted"]]
        seeds = counted.groupby(["drive", "seed"])["interference"].mean().groupby(level="drive")
        at = np.array(list(seeds.groups), dtype=float) + (place - (len(sizes) - 1) / 2) * width
        axes.errorbar(at, seeds.mean(), seeds.std(), fmt="o", color=colour, ms=4, lw=1.1, label=f"N = {n:g} (sd)")
    axes.set_title(title)
    axes.set_ylabel("interference")
    drawing.number_line(axes, "x", "drive")
    style.quiet(axes)
    drawing.legend(axes)
