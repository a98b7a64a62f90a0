"""Figure of two labs: their matrices side by side on one scale, and the difference with the verdict on each entry."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rnnbench.figures import style
from rnnbench.reports.comparison.comparison import Comparison
from rnnbench.reports.comparison.matching import MatrixKey
from rnnbench.reports.comparison.two_labs import EntryFinding, Pair, matrix_of

SIGNS = {"agree": "=", "disagree": "≠", "inconclusive": "?"}
MEANINGS = {
    "agree": "=  shown to differ by less than the margin",
    "disagree": "≠  shown to differ",
    "inconclusive": "?  inconclusive",
}
MOST_ROWS = 4
"""Largest number of matrices in one file."""
LARGEST_SHOWN = 5
"""End of the scale of differences, in margins; larger differences are drawn in the end colour."""
# The following are in inches.
GAP, TITLE, TOP, FOOTER, LARGEST, NUMBERED = 0.25, 0.28, 0.5, 1.15, 0.55, 0.34
WIDEST = 12.5


@dataclass(frozen=True)
class Layout:
    """Sizes of the figure in inches.

    Attributes:
        n_tasks: number of tasks, the rows and columns of each matrix.
        entry_side: side of a matrix entry.
        left: width of the task names on the left.
        below: height of the task names below.
        rows: number of rows of panels, one for each matrix.
    """

    n_tasks: int
    entry_side: float
    left: float
    below: float
    rows: int

    @property
    def side(self) -> float:
        """Side of a panel."""
        return self.entry_side * self.n_tasks

    @property
    def width(self) -> float:
        """Width of the figure."""
        return max(7.5, self.left + 3 * self.side + 2 * GAP + 0.3)

    @property
    def height(self) -> float:
        """Height of the figure."""
        return TOP + self.rows * (TITLE + self.side) + self.below + FOOTER

    def place(self, row: int, column: int) -> tuple[float, float, float, float]:
        """A panel's (left, bottom, width, height) as fractions of the figure."""
        used = self.left + 3 * self.side + 2 * GAP + 0.3
        x = self.left + (self.width - used) / 2 + column * (self.side + GAP)
        y = self.height - TOP - (row + 1) * (TITLE + self.side)
        return x / self.width, y / self.height, self.side / self.width, self.side / self.height


def figures(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Yield every figure with its file name: one for each pair of labs, more if they share more than four matrices."""
    taken: set[str] = set()
    for pair in comparison.pairs:
        matrices = list(pair.wholes)
        parts = [matrices[start : start + MOST_ROWS] for start in range(0, len(matrices), MOST_ROWS)]
        for number, part in enumerate(parts, start=1):
            words = ["compare"]
            words += [_slug(name) for name in pair.names] if len(comparison.pairs) > 1 else []
            words += [str(number)] if len(parts) > 1 else []
            name = "-".join(words)
            while name in taken:
                name += "-"
            taken.add(name)
            yield f"{name}.png", side_by_side(pair, part)


def side_by_side(pair: Pair, matrices: Sequence[MatrixKey]) -> Figure:
    """Draw one row for each matrix: the first lab, the second lab, and second minus first.

    Args:
        pair: the comparison of the two labs.
        matrices: the matrices to draw.

    Returns:
        The figure, not saved.
    """
    inside = [[entry for entry in pair.entries if entry.key.matrix == matrix] for matrix in matrices]
    keys = [entry.key for entries in inside for entry in entries]
    tasks = list(dict.fromkeys(task for key in keys for task in (key.first_task, key.second_task)))
    limit = _limit([entry.difference for entries in inside for entry in entries], pair.margin)
    colours = style.interference_colours(), (sns.color_palette("vlag", as_cmap=True), Normalize(-limit, limit))
    with style.look():
        layout = _layout(tasks, len(matrices))
        figure = style.new_figure(layout.width, layout.height)
        for row, (matrix, entries) in enumerate(zip(matrices, inside, strict=True)):
            for column in range(3):
                axes = figure.add_axes(layout.place(row, column))
                _panel(axes, entries, tasks, column, colours[column == 2], layout.entry_side)
                _ticks(axes, tasks, layout, first=column == 0, last=row == len(matrices) - 1)
                if row == 0:
                    heading = [*pair.names, "difference, second − first"][column]
                    axes.text(0, -0.35 / layout.entry_side, style.pretty(heading, 40), fontweight="bold", fontsize=10)
                if column == 0 and matrix.title:
                    axes.set_title(style.pretty(matrix.title, 90), loc="left", pad=4, fontsize=8.5, color=style.MUTED)
        _footer(figure, layout, colours, pair.margin)
    return figure


def _limit(differences: Sequence[float], margin: float) -> float:
    """The end of the scale of differences, bounded so that a single large one does not make all others pale."""
    sizes = [abs(one) for one in differences if math.isfinite(one)]
    return min(max(2 * margin, *sizes, 0.0), LARGEST_SHOWN * margin)


def _layout(tasks: Sequence[str], rows: int) -> Layout:
    measure = style.new_figure(1, 1)
    names = style.text_width(measure, [style.pretty(task, 18, 1) for task in tasks], 8.5)
    left = 0.45 + names
    side = min(LARGEST, (WIDEST - left - 2 * GAP - 0.3) / (3 * len(tasks)))
    return Layout(len(tasks), side, left, names + 0.35, rows)


def _panel(
    axes: Axes,
    entries: Sequence[EntryFinding],
    tasks: list[str],
    column: int,
    colours: tuple[Colormap, Normalize],
    side: float,
) -> None:
    """Draw a panel: means of the first lab (column 0) or second lab (1), or the difference with its verdict (2)."""
    values = np.array([entry.difference if column == 2 else entry.means[column] for entry in entries])
    matrix = matrix_of(values, [entry.key for entry in entries], range(len(entries)), tasks)
    ramp, scale = colours
    axes.set_facecolor(style.ABSENT)
    axes.pcolormesh(
        np.ma.masked_invalid(matrix), cmap=ramp, norm=scale, edgecolors="white", linewidth=min(0.6, 2 * side)
    )
    axes.set(xlim=(0, len(tasks)), ylim=(len(tasks), 0), aspect="equal")
    for entry, value in zip(entries, values, strict=True):
        x, y = tasks.index(entry.key.second_task) + 0.5, tasks.index(entry.key.first_task) + 0.5
        ink = style.readable_on(ramp(scale(value))) if math.isfinite(value) else style.INK
        number = style.number(value) if side >= NUMBERED and math.isfinite(value) else ""
        sign = SIGNS[entry.verdict] if column == 2 else ""
        size = min(9.0, 72 * side * (0.26 if number else 0.72))
        text = axes.text(
            x, y, "\n".join(filter(None, [sign, number])), ha="center", va="center", fontsize=size, color=ink
        )
        text.set(
            gid=f"{('a', 'b', 'difference')[column]}:{entry.key.first_task}:{entry.key.second_task}", linespacing=1.0
        )
    for i in range(len(tasks)):
        axes.add_patch(Rectangle((i, i), 1, 1, fill=False, edgecolor=style.INK, linewidth=0.9, clip_on=False))
    sns.despine(ax=axes, left=True, bottom=True)


def _ticks(axes: Axes, tasks: Sequence[str], layout: Layout, first: bool, last: bool) -> None:
    names, size = [style.pretty(task, 18, 1) for task in tasks], min(8.5, 72 * layout.entry_side * 0.85)
    ticks = [index + 0.5 for index in range(len(tasks))]
    axes.set_xticks(ticks, names if last else [], rotation=90, fontsize=size) if last else axes.set_xticks([])
    axes.set_yticks(ticks, names, fontsize=size) if first else axes.set_yticks([])
    axes.tick_params(length=0, pad=3)
    axes.set_xlabel("then trained on (B)" if last else "")
    axes.set_ylabel("first task (A)" if first else "")


def _footer(
    figure: Figure,
    layout: Layout,
    colours: tuple[tuple[Colormap, Normalize], tuple[Colormap, Normalize]],
    margin: float,
) -> None:
    """Draw both colour bars, with the margin marked on the second, and the meaning of the signs."""
    width, height, length = layout.width, layout.height, 0.28 * layout.width
    names = ("interference I(A ← B), mean over seeds", "difference, second − first; lines: the margin")
    for column, ((ramp, scale), name) in enumerate(zip(colours, names, strict=True)):
        x = 0.35 + column * (length + 0.35)
        axes = figure.add_axes((x / width, 0.72 / height, length / width, 0.13 / height))
        bar = figure.colorbar(ScalarMappable(scale, ramp), cax=axes, orientation="horizontal")
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=2.5, width=0.6, pad=2, labelsize=8)
        bar.set_label(name, fontsize=8.5, labelpad=2)
        if column == 0:
            bar.set_ticks([-0.5, 0, 1, 2, 4], labels=["≤ −0.5", "0", "1", "2", "≥ 4"])
        else:
            bar.ax.vlines([-margin, margin], 0, 1, transform=bar.ax.get_xaxis_transform(), color=style.INK, linewidth=1)
    x = (0.35 + 2 * (length + 0.35)) / width
    key = [*MEANINGS.values(), "framed: A, then more of A (drift control)"]
    figure.text(x, 0.9 / height, "\n".join(key), fontsize=8, va="top", linespacing=1.45, color=style.INK)


def _slug(name: str) -> str:
    """A name in characters that every file system accepts."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"
