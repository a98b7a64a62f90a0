"""The figure of C4: networks that learn only a 2x2 matrix (points) and the 2x2 model (lines)."""

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
from rnnbench.reports.claims.groups import equal, groups, values_of, with_names
from rnnbench.reports.claims.restricted_networks import NETWORK, matrices, prediction
from rnnbench.reports.estimates import Floats
from rnnbench.results.reading import Results

ENTRIES = {(0, 0): "A from A", (0, 1): "A from B", (1, 0): "B from A", (1, 1): "B from B"}
"""Labels of the elements of M: the output that an element drives, and the pattern whose activity it reads."""
ENTRY_COLOURS = ("#31688e", "#c65383", "#ee8440", "#3f9f6f")
MOST_GROUPS = 3
POINTS = 12
"""Number of points drawn along a curve; more would hide the line."""


def draw(results: Results, table: pd.DataFrame) -> Figure:
    """Draw M and both losses during the training of B, and interference against drive.

    Each group has two rows of panels, for its lowest and highest drive, with interference on the right.

    Args:
        results: the results that the table was made from.
        table: the restricted networks with the columns of `theory_table`.

    Returns:
        The figure, with at most `MOST_GROUPS` groups.
    """
    blocks = list(groups(table, leaving_out=["units"]))[:MOST_GROUPS]
    with style.look("ticks"):
        figure = style.new_figure(style.WIDTH * 1.1, 0.4 + 4.6 * len(blocks))
        figure.set_layout_engine("constrained")
        grid = figure.add_gridspec(2 * len(blocks), 4, width_ratios=(1, 1, 1, 1.15))
        for block, (name, rows) in enumerate(blocks):
            drives = values_of(rows[rows["counted"]], "drive")
            for row, drive in enumerate([drives[0], drives[-1]] if drives else []):
                axes = [figure.add_subplot(grid[2 * block + row, column]) for column in range(3)]
                _along_training(axes, results, rows[rows["drive"] == drive], f"drive {drive:g}")
            axes_last = figure.add_subplot(grid[2 * block : 2 * block + 2, 3])
            _interference(axes_last, rows, style.pretty(name, 34, 3) if len(blocks) > 1 else "")
        _legend(figure, table)
        drawing.note(figure, results.interference, drawing.EQUAL, "± (bars) is the standard deviation over seeds")
    return figure


def _legend(figure: Figure, table: pd.DataFrame) -> None:
    """Add a legend for the colours of M's elements, the lines of the model and the points of the networks."""
    handles = [
        Line2D([], [], color=colour, lw=1.6, label=f"M: {label}")
        for label, colour in zip(ENTRIES.values(), ENTRY_COLOURS, strict=True)
    ]
    handles.append(Line2D([], [], color=style.INK, lw=1.6, label="line: 2x2 model"))
    label = f"points: networks, N = {table['units'].max():g} (mean, sd)"
    handles.append(Line2D([], [], color=style.INK, lw=0, marker="o", ms=3.2, label=label))
    figure.legend(handles=handles, loc="outside upper center", ncols=6, frameon=False)


def _along_training(axes: Sequence[Axes], results: Results, rows: pd.DataFrame, title: str) -> None:
    """Draw M, L_A and L_B while B is learnt: lines of the model, and mean and sd over the networks of the largest N."""
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
    for panel, (column, theory) in enumerate(
        (("loss_first", expected.loss_first), ("loss_second", expected.loss_second)), start=1
    ):
        axes[panel].plot(theory, color=style.INK, lw=1.6)
        _points(axes[panel], _losses(results.curves, one, set(largest["seed"]), column), n, style.INK)
        axes[panel].set_ylabel(f"loss on {'AB'[panel - 1]}")
    axes[0].set_ylabel("element of M")
    for each in axes:
        style.quiet(each)
        each.set_title(title)
        each.set_xlabel("updates on B")
    # Both losses have the same scale, so that a loss that stays small looks small.
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
    """Draw mean and sd over networks at a few updates; a network that has stopped keeps its last value."""
    if not lines:
        return
    at = np.linspace(0, last, POINTS)
    values = np.array([np.interp(at, updates, line) for updates, line in lines])
    sd = values.std(axis=0, ddof=1) if len(values) > 1 else None
    axes.errorbar(at, values.mean(axis=0), sd, fmt="o", color=colour, ms=3.2, lw=1)


def _interference(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    """Draw interference against drive: the line of the model, and the networks of each N."""
    drawing.zero_and_one(axes)
    theory = rows.groupby("drive")["theory"].mean()
    axes.plot(theory.index, theory, color=style.INK, lw=1.6, label="2x2 model")
    rows, numbers = equal(rows, "drive", "units")
    sizes = values_of(rows, "units")
    for k, (n, colour) in enumerate(zip(sizes, style.colours_of_g(sizes), strict=True)):
        width = 0.006 * (theory.index.max() - theory.index.min())
        counted = rows[(rows["units"] == n) & rows["counted"]]
        seeds = counted.groupby(["drive", "seed"])["interference"].mean().groupby(level="drive")
        x = np.array(list(seeds.groups), dtype=float) + (k - (len(sizes) - 1) / 2) * width
        axes.errorbar(x, seeds.mean(), seeds.std(), fmt="o", color=colour, ms=4, lw=1.1, label=f"N = {n:g} (sd)")
    axes.set_title(drawing.with_numbers(title, numbers))
    axes.set_ylabel("interference")
    drawing.number_line(axes, "x", "drive")
    style.quiet(axes)
    drawing.legend(axes)
