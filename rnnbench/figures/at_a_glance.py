"""One figure that shows both: how much pairs of tasks differ, and how interference changes with g or another number."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.figures import error_bars, matrix, panels, scales, style, summary
from rnnbench.figures.decomposition import COLOURS, MEANINGS, ORDER
from rnnbench.figures.moments import Block, block, rows_of
from rnnbench.results.comparisons import TITLES, Compared
from rnnbench.results.decomposition import Bounded, decompositions
from rnnbench.results.interference import idle_outputs

MOMENTS = ("criterion", "updates")
MOST = 5  # matrices side by side
LARGEST, SMALLEST = 0.5, 0.12  # side of an entry; with a smaller one, the names of tasks would not be legible
MARGIN, RIGHT, BETWEEN = 0.1, 0.15, 0.18  # all sizes in inches
TOP, TITLE, BAR = 0.36, 0.3, 0.95
PANEL, GAP, SHARES = 2.3, 0.2, 0.95  # height of a panel of interference; between panels; before the shares
NARROW = 2.35  # width of a panel of interference beside shares
LEFT, TICKS, ROWS, COLUMN = 0.75, 0.5, 0.32, 0.3  # ROWS and COLUMN are between the panels of shares
KEY, LINE, WIDE = 0.19, 0.15, 168  # heights of lines of legend and caption; characters of a line of the caption

Shares = dict[str, pd.DataFrame]
"""Value and intervals of the share of each term, indexed by the compared values."""


def interference_summary(one: Compared, interference: pd.DataFrame, curves: pd.DataFrame) -> Figure | None:
    """Draw the matrices at the values of a number, interference against it at two moments, and shares of the variance.

    Above are at most five matrices, which are over all networks that count. Below, everything is over the pairs and
    seeds that count at every value: on the left the mean interference with its intervals, the median and the seeds, at
    B's criterion and at equal updates; on the right the shares of the variance between single networks that are due to
    the pair, to A, to B and to seeds, if the networks determine them.

    Args:
        one: a comparison of numbers.
        interference: the interference table that it was made from.
        curves: the curves table.

    Returns:
        The figure, not saved; None if there is nothing to compare: fewer than two pairs of tasks, or fewer than two
        values at which at least half of the networks count.
    """
    if one.of_pairs < 2 or len(one.values) < 2 or one.rows.empty:
        return None
    found, shares = block(one, interference, curves), _shares(one)
    rows = rows_of(one, interference)
    tasks = summary.task_order(rows)
    with style.look("ticks"):
        page = _layout(found, rows, tasks, shares, _caption(found, interference, shares))
        figure = style.new_figure(style.WIDTH, page.height)
        title = panels.heading([found], "interference between pairs of tasks, and")[0]
        figure.text(MARGIN / style.WIDTH, 1 - 0.18 / page.height, title, fontsize=11, fontweight="bold", va="center")
        _draw_matrices(figure, page, found, tasks)
        _draw_interference(figure, page, found)
        if shares:
            _draw_shares(figure, page, found, shares)
        _legend(figure, page)
    return figure


def _shares(one: Compared) -> Shares:
    """The shares at every value, over the networks that are compared; empty if no value determines them."""
    found: dict[str, list[Bounded]] = {term: [] for term in ORDER}
    for value in one.values:
        rows = one.rows[one.rows[one.across] == value].drop(columns="skill_lost", errors="ignore")
        (decomposed,) = [each for _, _, each in decompositions(rows)]
        for term in ORDER:
            found[term].append(decomposed.shares[term])
    tables = {term: pd.DataFrame(shares, index=list(one.values)) for term, shares in found.items()}
    return tables if tables["pair"]["value"].notna().any() else {}


@dataclass(frozen=True)
class _Page:
    """The layout, with sizes in inches.

    Attributes:
        matrices: the entries of each matrix, by its value.
        names: the tasks as they are drawn.
        side: side of an entry.
        left: left edge of the first matrix.
        below: height of the names below a matrix.
        above: height of the titles of the panels of interference.
        handles: the legend.
        columns: its number of columns.
        has_shares: whether there are shares beside the panels of interference.
        caption: the caption, wrapped.
    """

    matrices: dict[float, pd.DataFrame]
    names: list[str]
    side: float
    left: float
    below: float
    above: float
    handles: list[Any]
    columns: int
    has_shares: bool
    caption: str

    @property
    def panels_at(self) -> float:
        """How far the panels of interference are below the upper edge."""
        return TOP + TITLE + self.side * len(self.names) + self.below + BAR + self.above

    @property
    def legend_at(self) -> float:
        """How far the legend is below the upper edge."""
        return self.panels_at + PANEL + TICKS + 0.1

    @property
    def height(self) -> float:
        """Height of the figure."""
        rows = math.ceil(len(self.handles) / self.columns) + 1  # the label of the mean has two lines
        return self.legend_at + KEY * rows + LINE * (1 + self.caption.count("\n")) + 0.2

    def add(self, figure: Figure, x: float, y: float, wide: float, tall: float) -> Axes:
        """Axes with their upper left corner at (x, y) from that of the figure."""
        return figure.add_axes(
            (x / style.WIDTH, (self.height - y - tall) / self.height, wide / style.WIDTH, tall / self.height)
        )


def _layout(one: Block, rows: pd.DataFrame, tasks: Sequence[str], shares: Shares, caption: str) -> _Page:
    measure = style.new_figure(1, 1)
    names = [style.pretty(task, 18) for task in tasks]
    widest = style.text_width(measure, names, 8.5)
    room = style.WIDTH - MARGIN - 0.3 - widest - RIGHT
    fitting = [k for k in range(1, MOST + 1) if (room - (k - 1) * BETWEEN) / (k * len(tasks)) >= SMALLEST]
    values = _spread(one.values, max(fitting, default=1))
    side = min(LARGEST, (room - (len(values) - 1) * BETWEEN) / (len(values) * len(tasks)))
    matrices = {value: matrix.entries_of(rows[rows[one.compared.across] == value]) for value in values}
    below = 0.3 + style.text_width(measure, names, _size(side))
    handles = panels.handles([one], [one.series[moment, "interference"] for moment in MOMENTS])
    columns = panels.legend_columns(handles, style.WIDTH - 2 * MARGIN)
    left = MARGIN + 0.3 + widest
    text = textwrap.fill(caption, WIDE)
    return _Page(matrices, names, side, left, below, panels.above([one], MOMENTS), handles, columns, bool(shares), text)


def _spread(values: Sequence[float], most: int) -> list[float]:
    """At most so many of the values: the first, the last, and others evenly between them."""
    if most == 1:
        return [values[0]]
    places = np.linspace(0, len(values) - 1, min(most, len(values)))
    return [values[round(place)] for place in places]


def _size(side: float) -> float:
    """Font size of the names of tasks."""
    return min(8.5, 72 * side * 0.9)


def _draw_matrices(figure: Figure, page: _Page, one: Block, tasks: list[str]) -> None:
    wide = page.side * len(tasks)
    places = [index + 0.5 for index in range(len(tasks))]
    name = style.pretty(one.compared.across.removeprefix("condition_"))
    for index, (value, entries) in enumerate(page.matrices.items()):
        axes = page.add(figure, page.left + index * (wide + BETWEEN), TOP + TITLE, wide, wide)
        matrix.draw_matrix(axes, entries, tasks, page.side)
        axes.set_title(f"{name} = {value:g}", loc="left", pad=4, fontsize=9)
        axes.set_xticks(places, page.names, rotation=90, fontsize=_size(page.side))
        axes.set_yticks(places, page.names if index == 0 else [""] * len(tasks), fontsize=_size(page.side))
        axes.tick_params(length=0, pad=3)
        if index == 0:
            axes.set_ylabel("first task (A)", labelpad=5)
            axes.set_xlabel("then trained on (B)", labelpad=3, loc="left")
    bar = page.add(figure, page.left, TOP + TITLE + wide + page.below + 0.25, 3.4, 0.14)
    every = list(page.matrices.values())
    matrix.colour_bar(figure, bar, every)
    corner = (page.left + 3.9) / style.WIDTH, bar.get_position().y1 + 0.14 / page.height
    matrix.key(figure, corner, every, numbered=False)


def _draw_interference(figure: Figure, page: _Page, one: Block) -> None:
    ends = scales.limits(panels.drawn([one], MOMENTS, tasks=False))
    wide = _widths(page)[0]
    for index, moment in enumerate(MOMENTS):
        axes = page.add(figure, LEFT + index * (wide + GAP), page.panels_at, wide, PANEL)
        panels.interference_panel(axes, one, moment, {}, ends)
        panels.x_axis(axes, one)
        panels.title(axes, one, moment, TITLES[moment])
        axes.tick_params(labelleft=index == 0)
        axes.set_ylabel("interference I(A ← B)" if index == 0 else "")


def _widths(page: _Page) -> tuple[float, float]:
    """Widths of a panel of interference and of a panel of a share."""
    room = style.WIDTH - LEFT - GAP - RIGHT
    return (NARROW, (room - 2 * NARROW - SHARES - COLUMN) / 2) if page.has_shares else (room / 2, 0.0)


def _draw_shares(figure: Figure, page: _Page, one: Block, shares: Shares) -> None:
    interference, wide = _widths(page)
    left = LEFT + 2 * interference + GAP + SHARES
    tall = (PANEL - ROWS) / 2
    x = left / style.WIDTH
    y = 1 - (page.panels_at - 0.36) / page.height
    figure.text(x, y, "shares of the variance between single networks", fontsize=9, va="center")
    places = np.array(panels.places(one.values))
    for index, term in enumerate(ORDER):
        row, column = divmod(index, 2)
        axes = page.add(figure, left + column * (wide + COLUMN), page.panels_at + row * (tall + ROWS), wide, tall)
        _draw_share(axes, shares[term].reindex(one.values), places, term)
        panels.x_axis(axes, one, is_named=row == 1)
        axes.tick_params(labelleft=column == 0)


def _draw_share(axes: Axes, share: pd.DataFrame, places: np.ndarray, term: str) -> None:
    reach = float(np.ptp(places)) * panels.BESIDE
    error_bars.draw(axes, places - reach, share["low_tasks"], share["high_tasks"], error_bars.TASKS)
    error_bars.draw(axes, places, share["low"], share["high"], error_bars.SEEDS)
    colour = "#9c9c9c" if term == "seeds" else COLOURS[term]  # that of the bars is too pale for a line
    line = axes.plot(places, share["value"], marker="o", color=colour, zorder=6, gid=f"share:{term}")
    line[0].set(linewidth=1.8, markersize=4.5)
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_title(MEANINGS[term], loc="left", pad=4, fontsize=8.5)


def _legend(figure: Figure, page: _Page) -> None:
    corner = LEFT / style.WIDTH, 1 - page.legend_at / page.height
    look: dict[str, Any] = {"frameon": False, "borderpad": 0, "borderaxespad": 0, "handlelength": 1.8}
    figure.legend(handles=page.handles, loc="upper left", bbox_to_anchor=corner, ncols=page.columns, **look)
    figure.text(MARGIN / style.WIDTH, 0.08 / page.height, page.caption, fontsize=7.5, color=style.MUTED, va="bottom")


def _caption(one: Block, interference: pd.DataFrame, shares: Shares) -> str:
    name = one.compared.across.removeprefix("condition_")
    tables = [one.series[moment, "interference"].means for moment in MOMENTS]
    kinds = error_bars.kinds_in([*tables, *shares.values()])
    return (
        f"Interference ({idle_outputs(interference)}): 0 nothing lost, 1 as bad as untrained. Matrices: mean over the "
        f"networks (seeds) that learnt A and have finite losses. Below: over the pairs and seeds that count at every "
        f"value of {name} (k/n: over k of n); {scales.SCALE}. {error_bars.caption(kinds)} Change: of a line through "
        f"all values, from the first to the last.{panels.left_out([one])}"
    )
