"""Overview of interference in different kinds of networks: architectures, learning rules and conditions."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.figures import error_bars, panels, scales, style, summary
from rnnbench.figures.side_by_side import MOMENTS, AtMoment, SideBySide, drawn, side_by_side
from rnnbench.results.comparisons import TITLES
from rnnbench.results.interference import idle_outputs

TOP, ABOVE, ROW, BELOW = 0.36, 0.46, 0.44, 0.55  # all sizes in inches
LEFT, GAP, MARGIN = 0.3, 0.25, 0.1
WIDEST = 3.0  # of a title of a row
LINE, KEY = 0.15, 0.19  # height of a line of the caption, and of the legend
SEEDS, MEAN, TASKS, FIRST = -0.3, -0.08, 0.1, 0.28  # places of seeds, mean, interval over tasks and tasks in a row
Looks = dict[str, tuple[style.Rgb, str]]


def interference_overview(interference: pd.DataFrame, curves: pd.DataFrame | None = None) -> Figure:
    """Draw one row for each (architecture, rule, units, condition, earlier tasks, g), with its mean interference.

    The panels are two moments of learning B: its criterion, and equal numbers of updates. All marks of a panel are over
    the pairs and seeds that count in every row; rows in which fewer than half of the networks count are left out of
    this. The bold mark is the mean with its 95 % intervals over seeds and over tasks, if there are five or more; the
    open diamond is the median. Small dots above it are the seeds, coloured marks below it the first tasks. The grey
    mark is the drift control (A, then more of A). If no pair and seed counts in every row, the panel says so.

    Args:
        interference: the interference table.
        curves: the curves table; without it nothing is known at equal updates.

    Returns:
        The figure, not saved.

    Raises:
        ValueError: a column is missing.
    """
    summary.require_columns(interference, summary.INTERFERENCE_COLUMNS, "interference")
    one = side_by_side(interference, pd.DataFrame() if curves is None else curves)
    if not one.kinds:
        return style.nothing("no pairs of different tasks")
    looks = style.looks_of_tasks(summary.task_order(interference))
    ends = scales.limits(drawn(one))
    with style.look("ticks"):
        page = _layout(one, looks, _caption(one, interference))
        figure = style.new_figure(style.WIDTH, page.height)
        for place, moment in enumerate(MOMENTS):
            axes = figure.add_axes(page.box(place))
            _draw(axes, one.moments[moment], one, looks)
            _finish(axes, one, moment, ends, page.titles if place == 0 else [])
        _count(axes, one)
        _surround(figure, page, one)
    return figure


@dataclass(frozen=True)
class _Page:
    """The layout, with sizes in inches.

    Attributes:
        titles: the title of each row, on one or more lines.
        left: left edge of the first panel.
        right: space on the right of the last panel, for the numbers of networks.
        tall: height of a panel.
        marks: the legend of the marks.
        tasks: the legend of the first tasks.
        caption: the caption, wrapped.
    """

    titles: list[str]
    left: float
    right: float
    tall: float
    marks: list[Line2D]
    tasks: list[Line2D]
    caption: str

    @property
    def height(self) -> float:
        """Height of the figure."""
        rows = sum(math.ceil(len(handles) / _columns(handles)) for handles in (self.marks, self.tasks) if handles)
        return TOP + ABOVE + self.tall + BELOW + KEY * rows + 0.3 + LINE * (1 + self.caption.count("\n"))

    def box(self, place: int) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of a panel as fractions of the figure."""
        wide = (style.WIDTH - self.left - self.right - GAP) / 2
        bottom = self.height - TOP - ABOVE - self.tall
        x = self.left + place * (wide + GAP)
        return x / style.WIDTH, bottom / self.height, wide / style.WIDTH, self.tall / self.height


def _layout(one: SideBySide, looks: Looks, caption: str) -> _Page:
    measure = style.new_figure(1, 1)
    titles = style.varied_titles(one.kinds) if len(one.kinds) > 1 else [style.pretty(one.kinds[0]["architecture"])]
    titles = [style.wrapped(title.split(" · "), WIDEST, 8.5) or "no earlier task" for title in titles]
    lines = max(1 + title.count("\n") for title in titles)
    row = max(ROW, 0.15 * lines + 0.1)
    tasks = [Line2D([], [], linestyle="none", label="first task (A):")]
    tasks += [
        Line2D([], [], color=colour, marker=marker, markersize=4, linestyle="none", label=style.pretty(task, 24))
        for task, (colour, marker) in looks.items()
        if any(task in at.by_task for at in one.moments.values())
    ]
    left = LEFT + style.text_width(measure, titles, 8.5)
    right = 0.2 + style.text_width(measure, [f"{counted}/{n}" for counted, n in one.counted], 7.5)
    tasks = tasks if len(tasks) > 1 else []
    return _Page(titles, left, right, row * len(titles), _marks(one), tasks, textwrap.fill(caption, 165))


def _intervals(one: SideBySide) -> list[str]:
    return error_bars.kinds_in(at.means for at in one.moments.values())


def _marks(one: SideBySide) -> list[Line2D]:
    if not any(at.n_networks for at in one.moments.values()):
        return []
    kinds = _intervals(one)
    found = [Line2D([], [], color=style.INK, marker="o", markersize=5.5, linestyle="none", label="mean")]
    found += [error_bars.handle(kind, f"95 % interval {kind}") for kind in kinds]
    found.append(Line2D([], [], label="median", **error_bars.MEDIAN))
    found.append(Line2D([], [], label="seeds", **panels.seed_look(error_bars.SEEDS in kinds)))
    if one.control.notna().any():
        found.append(Line2D([], [], label="A, then more of A", **_CONTROL))
    return found


_CONTROL: dict[str, Any] = {"color": panels.CONTROL, "marker": "x", "markersize": 4, "linestyle": "none"}


def _columns(handles: Sequence[Line2D]) -> int:
    return panels.legend_columns(handles, style.WIDTH - 2 * MARGIN)


def _draw(axes: Axes, at: AtMoment, one: SideBySide, looks: Looks) -> None:
    rows = np.arange(len(one.kinds))
    known = error_bars.SEEDS in _intervals(one)
    for task in at.by_task:
        colour, marker = looks[str(task)]
        dots = axes.plot(at.by_task[task], rows + FIRST, marker, color=colour, zorder=4, gid=f"task:{task}")
        dots[0].set_markersize(4)
    for seed in at.by_seed:
        axes.plot(at.by_seed[seed], rows + SEEDS, zorder=4, gid=f"seed:{seed}", **panels.seed_look(known))
    error_bars.draw(axes, rows + TASKS, at.means["low_tasks"], at.means["high_tasks"], error_bars.TASKS, "x")
    error_bars.draw(axes, rows + MEAN, at.means["low"], at.means["high"], error_bars.SEEDS, "x")
    mean = axes.plot(at.means["mean"], rows + MEAN, "o", color=style.INK, zorder=6, gid="mean")
    mean[0].set_markersize(5.5)
    axes.plot(at.means["median"], rows + MEAN, zorder=7, gid="median", **error_bars.MEDIAN)
    for row in one.left_out:
        words = axes.annotate("× left out", (0, row), (4, 0), axes.get_yaxis_transform(), "offset points")
        words.set(fontsize=7.5, color=style.MUTED, va="center", gid="left out")


def _finish(axes: Axes, one: SideBySide, moment: str, ends: tuple[float, float], titles: Sequence[str]) -> None:
    at = one.moments[moment]
    if moment == "criterion":
        axes.plot(one.control, np.arange(len(one.kinds)) + MEAN, zorder=3, gid="control", **_CONTROL)
    scales.interference_axis(axes, ends, style.size_of(axes)[0], "x")
    axes.set_ylim(len(one.kinds) - 0.5, -0.5)
    axes.set_yticks(range(len(one.kinds)), labels=titles or [""] * len(one.kinds))
    for level in (0.0, 1.0):
        axes.axvline(level, **panels.GUIDE)
    for edge in np.arange(0.5, len(one.kinds) - 1):
        axes.axhline(edge, color="#ededed", linewidth=0.6, zorder=0)
    axes.set_xlabel("interference I(A ← B)")
    style.quiet(axes)
    lines = at.numbers.count("\n")
    axes.set_title(TITLES[moment], loc="left", pad=15 + 9 * lines, fontsize=9.5)
    above = axes.annotate(at.numbers, (0, 1), (0, 5), "axes fraction", "offset points", fontsize=7.5)
    above.set(color=style.MUTED, gid="numbers")
    if not at.n_networks:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 3}
        text = axes.text(0.5, 0.5, _why_none(one, moment), transform=axes.transAxes, ha="center", va="center", bbox=box)
        text.set(fontsize=8.5, color=style.INK, gid="none", zorder=8)


def _why_none(one: SideBySide, moment: str) -> str:
    if moment == "updates" and not one.has_curves:
        return "no curves are stored,\nso nothing is known here"
    return "no pair and seed counts\nin every row, so there is no mean"


def _count(axes: Axes, one: SideBySide) -> None:
    """Write beside the last panel how many networks of each row count, e.g. "29/30"."""
    for y, (counted, n) in enumerate(one.counted):
        words = axes.annotate(f"{counted}/{n}", (1, y), (6, 0), axes.get_yaxis_transform(), "offset points")
        words.set(fontsize=7.5, color=style.MUTED, va="center", gid="counted")


def _surround(figure: Figure, page: _Page, one: SideBySide) -> None:
    """Draw heading, legends and caption."""
    width, height = style.WIDTH, page.height
    shared = style.common_parts(one.kinds) if len(one.kinds) > 1 else []
    heading = " · ".join(["interference", *shared])
    figure.text(MARGIN / width, 1 - 0.18 / height, heading, fontsize=11, weight="bold", va="center")
    y = height - TOP - ABOVE - page.tall - BELOW
    look: dict[str, Any] = {"loc": "upper left", "frameon": False, "borderpad": 0, "borderaxespad": 0}
    look |= {"handlelength": 1.6, "labelspacing": 0.35, "columnspacing": 1.4}
    for handles in (page.marks, page.tasks):
        if handles:
            columns = _columns(handles)
            figure.legend(handles=handles, bbox_to_anchor=(MARGIN / width, y / height), ncols=columns, **look)
            y -= KEY * math.ceil(len(handles) / columns)
    figure.text(MARGIN / width, 0.08 / height, page.caption, fontsize=7.5, color=style.MUTED, va="bottom")


def _caption(one: SideBySide, interference: pd.DataFrame) -> str:
    left_out = " × left out: fewer than half of the networks count." if one.left_out else ""
    intervals = f" {error_bars.caption(_intervals(one))}" if any(at.n_networks for at in one.moments.values()) else ""
    return (
        f"Interference ({idle_outputs(interference)}): 0 nothing lost, 1 as bad as untrained; {scales.SCALE}. All "
        "marks of a panel are over the pairs and seeds that count in every row; k/n above: over k of n. Equal updates: "
        f"for each pair and seed the smallest number over the rows.{intervals} On the right: k of the n networks of "
        f"the row learnt A and have finite losses.{left_out}"
    )
