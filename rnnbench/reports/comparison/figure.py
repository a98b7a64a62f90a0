"""Two labs' matrices side by side on one scale, and their difference on its own, with what can be said of each cell."""

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
from rnnbench.reports.comparison.two_labs import CellFinding, Pair, matrix_of

SIGNS = {"agree": "=", "disagree": "≠", "inconclusive": "?"}
MEANINGS = {
    "agree": "=  shown to differ by less than the margin",
    "disagree": "≠  shown to differ",
    "inconclusive": "?  the seeds do not decide",
}
MOST_ROWS = 4
"""Matrices in a file."""
LARGEST_SHOWN = 5
"""End of the scale of differences, in margins; what lies beyond is drawn in the end colour."""
# Inches.
GAP, TITLE, TOP, FOOTER, LARGEST, NUMBERED = 0.25, 0.28, 0.5, 1.15, 0.55, 0.34
WIDEST = 12.5


@dataclass(frozen=True)
class Layout:
    """Sizes in inches."""

    n_tasks: int
    cell: float
    left: float
    below: float
    rows: int

    @property
    def side(self) -> float:
        return self.cell * self.n_tasks

    @property
    def width(self) -> float:
        return max(7.5, self.left + 3 * self.side + 2 * GAP + 0.3)

    @property
    def height(self) -> float:
        return TOP + self.rows * (TITLE + self.side) + self.below + FOOTER

    def place(self, row: int, column: int) -> tuple[float, float, float, float]:
        """A panel's (left, bottom, width, height) as fractions of the figure."""
        used = self.left + 3 * self.side + 2 * GAP + 0.3
        x = self.left + (self.width - used) / 2 + column * (self.side + GAP)
        y = self.height - TOP - (row + 1) * (TITLE + self.side)
        return x / self.width, y / self.height, self.side / self.width, self.side / self.height


def figures(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Every figure with its file name: one for each two labs, more where they share more than four matrices."""
    taken: set[str] = set()
    for pair in comparison.pairs:
        matrices = list(pair.wholes)
        parts = [matrices[start : start + MOST_ROWS] for start in range(0, len(matrices), MOST_ROWS)]
        for place, part in enumerate(parts, start=1):
            words = ["compare"]
            words += [_slug(name) for name in pair.names] if len(comparison.pairs) > 1 else []
            words += [str(place)] if len(parts) > 1 else []
            name = "-".join(words)
            while name in taken:
                name += "-"
            taken.add(name)
            yield f"{name}.png", side_by_side(pair, part)


def side_by_side(pair: Pair, matrices: Sequence[MatrixKey]) -> Figure:
    """One row for each matrix: the first lab, the second, and second minus first."""
    inside = [[cell for cell in pair.cells if cell.key.matrix == matrix] for matrix in matrices]
    tasks = list(dict.fromkeys(t for cells in inside for c in cells for t in (c.key.first_task, c.key.second_task)))
    limit = _limit([cell.difference for cells in inside for cell in cells], pair.margin)
    colours = style.interference_colours(), (sns.color_palette("vlag", as_cmap=True), Normalize(-limit, limit))
    with style.look():
        layout = _layout(tasks, len(matrices))
        figure = style.new_figure(layout.width, layout.height)
        for row, (matrix, cells) in enumerate(zip(matrices, inside, strict=True)):
            for column in range(3):
                axes = figure.add_axes(layout.place(row, column))
                _panel(axes, cells, tasks, column, colours[column == 2], layout.cell)
                _ticks(axes, tasks, layout, first=column == 0, last=row == len(matrices) - 1)
                if row == 0:
                    heading = [*pair.names, "difference, second − first"][column]
                    axes.text(0, -0.35 / layout.cell, style.pretty(heading, 40), fontweight="bold", fontsize=10)
                if column == 0 and matrix.title:
                    axes.set_title(style.pretty(matrix.title, 90), loc="left", pad=4, fontsize=8.5, color=style.MUTED)
        _footer(figure, layout, colours, pair.margin)
    return figure


def _limit(differences: Sequence[float], margin: float) -> float:
    """The end of the scale of differences; single large ones must not make all the others pale."""
    sizes = [abs(one) for one in differences if math.isfinite(one)]
    return min(max(2 * margin, *sizes, 0.0), LARGEST_SHOWN * margin)


def _layout(tasks: Sequence[str], rows: int) -> Layout:
    measure = style.new_figure(1, 1)
    names = style.text_width(measure, [style.pretty(task, 18, 1) for task in tasks], 8.5)
    left = 0.45 + names
    cell = min(LARGEST, (WIDEST - left - 2 * GAP - 0.3) / (3 * len(tasks)))
    return Layout(len(tasks), cell, left, names + 0.35, rows)


def _panel(
    axes: Axes,
    cells: Sequence[CellFinding],
    tasks: list[str],
    column: int,
    colours: tuple[Colormap, Normalize],
    side: float,
) -> None:
    """Column 0, 1: mean of the first, second lab; 2: the difference, with what is said of it."""
    values = np.array([cell.difference if column == 2 else cell.means[column] for cell in cells])
    matrix = matrix_of(values, [cell.key for cell in cells], range(len(cells)), tasks)
    ramp, scale = colours
    axes.set_facecolor(style.ABSENT)
    axes.pcolormesh(
        np.ma.masked_invalid(matrix), cmap=ramp, norm=scale, edgecolors="white", linewidth=min(0.6, 2 * side)
    )
    axes.set(xlim=(0, len(tasks)), ylim=(len(tasks), 0), aspect="equal")
    for cell, value in zip(cells, values, strict=True):
        x, y = tasks.index(cell.key.second_task) + 0.5, tasks.index(cell.key.first_task) + 0.5
        ink = style.readable_on(ramp(scale(value))) if math.isfinite(value) else style.INK
        number = style.number(value) if side >= NUMBERED and math.isfinite(value) else ""
        sign = SIGNS[cell.verdict] if column == 2 else ""
        size = min(9.0, 72 * side * (0.26 if number else 0.72))
        text = axes.text(
            x, y, "\n".join(filter(None, [sign, number])), ha="center", va="center", fontsize=size, color=ink
        )
        text.set(
            gid=f"{('a', 'b', 'difference')[column]}:{cell.key.first_task}:{cell.key.second_task}", linespacing=1.0
        )
    for place in range(len(tasks)):
        axes.add_patch(Rectangle((place, place), 1, 1, fill=False, edgecolor=style.INK, linewidth=0.9, clip_on=False))
    sns.despine(ax=axes, left=True, bottom=True)


def _ticks(axes: Axes, tasks: Sequence[str], layout: Layout, first: bool, last: bool) -> None:
    names, size = [style.pretty(task, 18, 1) for task in tasks], min(8.5, 72 * layout.cell * 0.85)
    ticks = [place + 0.5 for place in range(len(tasks))]
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
    """Both colour bars, the margin marked on the second, and what the signs mean."""
    width, height, length = layout.width, layout.height, 0.28 * layout.width
    names = ("interference I(A ← B), mean over seeds", "difference, second − first; lines: the margin")
    for place, ((ramp, scale), name) in enumerate(zip(colours, names, strict=True)):
        x = 0.35 + place * (length + 0.35)
        axes = figure.add_axes((x / width, 0.72 / height, length / width, 0.13 / height))
        bar = figure.colorbar(ScalarMappable(scale, ramp), cax=axes, orientation="horizontal")
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=2.5, width=0.6, pad=2, labelsize=8)
        bar.set_label(name, fontsize=8.5, labelpad=2)
        if place == 0:
            bar.set_ticks([-0.5, 0, 1, 2, 4], labels=["≤ −0.5", "0", "1", "2", "≥ 4"])
        else:
            bar.ax.vlines([-margin, margin], 0, 1, transform=bar.ax.get_xaxis_transform(), color=style.INK, linewidth=1)
    x = (0.35 + 2 * (length + 0.35)) / width
    key = [*MEANINGS.values(), "framed: A, then more of A (drift control)"]
    figure.text(x, 0.9 / height, "\n".join(key), fontsize=8, va="top", linespacing=1.45, color=style.INK)


def _slug(name: str) -> str:
    """A name in characters that every file system takes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"
