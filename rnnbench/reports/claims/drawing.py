"""Shared parts of the claims' figures: panels, means over seeds with intervals, thresholds and rows of estimates."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.figures import style
from rnnbench.randomness import rng_for
from rnnbench.reports.claims.claim import Finding
from rnnbench.reports.estimates import Estimate
from rnnbench.results.interference import idle_outputs
from rnnbench.results.intervals import mean_interval

MOST_PANELS = 12
"""A figure with more panels is not readable; the table has the groups that are not drawn."""
VERDICT_COLOURS = {"supported": "#1b7f5c", "not supported": "#b3402e", "undecided": "#7a7a7a"}
FAINT: dict[str, Any] = {"color": "#b5b5b5", "linewidth": 0.8, "alpha": 0.7, "zorder": 1}


def panels(n: int, columns: int = 3, height: float = 2.7) -> tuple[Figure, list[Axes]]:
    """Create a figure with a grid of axes; call it within `style.look`.

    Args:
        n: number of axes.
        columns: largest number of axes in a row.
        height: height of a row in inches.

    Returns:
        The figure, as wide as a page or narrower if it has fewer than three columns, and its `n` axes.
    """
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    figure = style.new_figure(style.WIDTH * (columns / 3) ** 0.6 if columns < 3 else style.WIDTH, 0.3 + height * rows)
    figure.set_layout_engine("constrained")
    axes = [figure.add_subplot(rows, columns, k + 1) for k in range(n)]
    for one in axes:
        style.quiet(one)
    return figure, axes


def titles(names: Sequence[str], width: int = 38) -> list[str]:
    """Titles of groups without the parts that all of their names share.

    Args:
        names: names of groups, with parts separated by ", ".
        width: largest number of characters in a line.

    Returns:
        A title for each name, in at most two lines.
    """
    parts = [name.replace(" = ", "=").split(", ") for name in names]
    shared = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    distinct = [", ".join(part for part in each if part not in shared).replace("=", " = ") for each in parts]
    return [style.pretty(title, width, 2) if title else "" for title in distinct]


EQUAL = "means are over the same pairs and seeds, those that count at all values at which more than half count"
"""Part of the notes below figures of means that stand side by side."""
OVER_SEEDS = "intervals (bands and bars) are 95 % over seeds, for five seeds or more"
"""Part of the notes below figures with intervals."""


def note(figure: Figure, interference: pd.DataFrame, *texts: str) -> None:
    """Write below a figure what happened to idle outputs, without which no interference is understood, and more.

    Args:
        figure: the figure, laid out by constrained layout.
        interference: the interference table that it was drawn from.
        *texts: further parts of the note.
    """
    text = "; ".join([idle_outputs(interference), *texts])
    width = int(figure.get_size_inches()[0] * 15)
    figure.supxlabel(textwrap.fill(text, width), fontsize=8, color=style.MUTED)


def with_numbers(title: str, numbers: str) -> str:
    """A panel's title with the numbers of pairs and networks of its means below it."""
    return "\n".join(filter(None, [title, numbers]))


def mean_line(
    axes: Axes,
    rows: pd.DataFrame,
    x: str,
    y: str,
    colour: Any = style.INK,
    label: str = "",
    power_of: float | None = None,
) -> None:
    """Draw the mean over seeds, with its 95 % interval if there is one, of the networks that count.

    Args:
        axes: where to draw.
        rows: a row for each network, with the columns seed, counted, `x` and `y`.
        x: column for the horizontal axis.
        y: column for the vertical axis.
        colour: colour of line and interval.
        label: label of the line in the legend.
        power_of: if given, `y` is a logarithm to this base, and the mean and interval are raised to it before
            drawing.
    """
    counted = rows[rows["counted"] & np.isfinite(rows[y].astype(float))]
    seeds = counted.groupby([x, "seed"])[y].mean()
    found = []
    for value, each in seeds.groupby(level=x):
        position: Any = value
        low, high = mean_interval(each.to_numpy(float), rng_for(0, "claims", "figure", y))
        found.append((float(position), float(each.mean()), low, high))
    table = pd.DataFrame(found, columns=["x", "mean", "low", "high"], dtype=float)
    if power_of:
        table[["mean", "low", "high"]] = power_of ** table[["mean", "low", "high"]]
    known = table["low"].notna()
    axes.fill_between(table["x"][known], table["low"][known], table["high"][known], color=colour, alpha=0.18, lw=0)
    axes.plot(table["x"], table["mean"], color=colour, label=label, marker="o", ms=4, lw=1.8)


def faint_pairs(axes: Axes, rows: pd.DataFrame, x: str, y: str = "interference") -> None:
    """Draw a thin line for each ordered pair of tasks, the mean over its seeds."""
    counted = rows[rows["counted"]]
    for _, pair in counted.groupby(["first_task", "second_task"], sort=False):
        line = pair.groupby(x)[y].mean()
        axes.plot(line.index, line, **FAINT)


def same_limits(axes: Sequence[Axes], axis: str) -> None:
    """Give all panels the same range along the axis "x" or "y", so that they can be compared."""
    limits = np.array([getattr(one, f"get_{axis}lim")() for one in axes])
    for one in axes:
        getattr(one, f"set_{axis}lim")(limits[:, 0].min(), limits[:, 1].max())


def zero_and_one(axes: Axes) -> None:
    """Draw horizontal guides at interference 0 (nothing is lost) and 1 (A is as bad as untrained)."""
    for level in (0, 1):
        axes.axhline(level, color="#cfcfcf", linewidth=0.8, zorder=0)


def zero_and_one_upright(axes: Axes) -> None:
    """Draw vertical guides at 0 and 1, for figures with interference along the horizontal axis."""
    for level in (0, 1):
        axes.axvline(level, color="#cfcfcf", linewidth=0.8, zorder=0)


def number_line(axes: Axes, axis: str, name: str) -> None:
    """Label the axis "x" or "y" with the meaning of a condition or parameter."""
    labels = {
        "drive": "drive (input that stays on / pulse)",
        "g": "connectivity strength g",
        "input_correlation": "input correlation (cosine)",
    }
    getattr(axes, f"set_{axis}label")(labels.get(name, style.pretty(name)))


def legend(axes: Axes, title: str = "", **looks: Any) -> None:
    """Add a legend without a frame where it covers least, or no legend if the axes have no labels."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(title=style.pretty(title) or None if title else None, frameon=False, **{"loc": "best", **looks})


def shared_legend(figure: Figure, axes: Axes, columns: int = 4) -> None:
    """Add one legend above all panels, with the labels of one of them."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)


def coloured_by_g(rows: pd.DataFrame) -> list[tuple[pd.DataFrame, object, str]]:
    """Split rows by g, with a colour and a label for each g.

    Args:
        rows: a row for each network, with the column g.

    Returns:
        (rows, colour, label) for each g; all rows with an empty label if there is one g or none.
    """
    values = sorted(float(g) for g in rows["g"].dropna().unique())
    if len(values) < 2:
        return [(rows, style.INK, "")]
    colours = style.colours_of_g(values)
    return [(rows[rows["g"] == g], colour, f"g = {g:g}") for g, colour in zip(values, colours, strict=True)]


def forest(findings: Sequence[Finding], estimates: Sequence[Estimate], xlabel: str, limits: Sequence[float]) -> Figure:
    """Figure with a row for each estimate: its value and interval, coloured by the verdict on it.

    Args:
        findings: the findings that the estimates belong to; their groups label the rows.
        estimates: one estimate for each finding.
        xlabel: label of the horizontal axis.
        limits: thresholds, drawn as dashed lines.

    Returns:
        The figure, with at most `3 * MOST_PANELS` rows.
    """
    shown = list(zip(findings, estimates, strict=True))[: 3 * MOST_PANELS]
    labels = titles([finding.group for finding, _ in shown], 60)
    if len(shown) == 1:
        labels = [style.pretty(shown[0][0].group, 60, 2)]
    with style.look("ticks"):
        figure = style.new_figure(8.0, 1.15 + 0.3 * len(shown))
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        for y, (_, one) in enumerate(shown):
            colour = VERDICT_COLOURS[one.verdict]
            axes.plot([one.low, one.high], [y, y], color=colour, lw=2.5, solid_capstyle="butt")
            axes.plot(one.value, y, "o", color=colour, ms=5)
        axes.axvline(0, color="#cfcfcf", linewidth=0.8, zorder=0)
        for level in limits:
            axes.axvline(level, color=style.INK, lw=0.9, ls=(0, (4, 3)), zorder=0)
        axes.set_yticks(range(len(shown)), labels)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel(xlabel)
        style.quiet(axes)
        verdict_legend(figure, [one.verdict for _, one in shown])
    return figure


def verdict_legend(figure: Figure, present: Sequence[str]) -> None:
    """Add a legend above the panels that explains the colours of the verdicts and the dashed line of the threshold."""
    handles = [
        Line2D([], [], color=colour, lw=2.5, marker="o", ms=5, label=verdict)
        for verdict, colour in VERDICT_COLOURS.items()
        if verdict in present
    ]
    handles.append(Line2D([], [], color=style.INK, lw=0.9, ls=(0, (4, 3)), label="threshold"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
