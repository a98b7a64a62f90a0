"""Figure of two labs: their matrices side by side on one scale, and the difference with the verdict on each entry."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rnnbench.figures import scales, style
from rnnbench.reports.comparison.comparison import Comparison
from rnnbench.reports.comparison.matching import MatrixKey
from rnnbench.reports.comparison.two_labs import EntryFinding, Pair, matrix_of
from rnnbench.results.interference import idle_outputs

SIGNS = {"agree": "=", "disagree": "≠", "inconclusive": "?"}
MEANINGS = {
    "agree": "=  shown to differ by less than the margin",
    "disagree": "≠  shown to differ",
    "inconclusive": "?  inconclusive",
}
MOST_ROWS = 4
"""Largest number of matrices in one file."""
# The following are in inches.
GAP, TITLE, TOP, FOOTER, LARGEST, NUMBERED = 0.25, 0.28, 0.5, 1.45, 0.62, 0.34
WIDEST = 12.5
NARROWEST = 1.9  # smallest distance of two panels, so that there is space for the names of the labs
BAR = 2.0  # smallest length of a colour bar
LINE, MARGIN = 0.17, 0.45


@dataclass(frozen=True)
class Layout:
    """Sizes of the figure in inches.

    Attributes:
        n_tasks: number of tasks, the rows and columns of each matrix.
        entry_side: side of a matrix entry.
        left: width of the task names on the left.
        below: height of the task names below.
        rows: number of rows of panels, one for each matrix.
        key: width of the text that explains the signs.
        heading: number of lines of the longest heading.
        titles: largest number of lines of a matrix's title.
    """

    n_tasks: int
    entry_side: float
    left: float
    below: float
    rows: int
    key: float
    heading: int
    titles: int

    @property
    def side(self) -> float:
        """Side of a panel."""
        return self.entry_side * self.n_tasks

    @property
    def pitch(self) -> float:
        """Distance of the left edges of two panels."""
        return max(self.side + GAP, NARROWEST)

    @property
    def used(self) -> float:
        """Width of the panels with the task names."""
        return self.left + 3 * self.pitch

    @property
    def width(self) -> float:
        """Width of the figure."""
        return max(self.used, 2 * BAR + self.key + 4 * MARGIN)

    @property
    def top(self) -> float:
        """Height above the first row."""
        return TOP + LINE * (self.heading - 1)

    @property
    def title(self) -> float:
        """Height of a matrix's title."""
        return TITLE + LINE * (self.titles - 1)

    @property
    def height(self) -> float:
        """Height of the figure."""
        return self.top + self.rows * (self.title + self.side) + self.below + FOOTER

    def place(self, row: int, column: int) -> tuple[float, float, float, float]:
        """A panel's (left, bottom, width, height) as fractions of the figure."""
        x = self.left + (self.width - self.used) / 2 + column * self.pitch
        y = self.height - self.top - (row + 1) * (self.title + self.side)
        return x / self.width, y / self.height, self.side / self.width, self.side / self.height


def figures(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Yield every figure with its file name: one for each pair of labs, more if they share more than four matrices."""
    taken: set[str] = set()
    idle = {lab.name: idle_outputs(lab.results.interference) for lab in comparison.labs}
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
            yield f"{name}.png", side_by_side(pair, part, _idle([idle[name] for name in pair.names], pair.names))


def _idle(phrases: Sequence[str], names: Sequence[str]) -> str:
    """What happened to idle outputs, for each lab if they differ."""
    if len(set(phrases)) == 1:
        return phrases[0]
    return "; ".join(f"{name}: {phrase}" for name, phrase in zip(names, phrases, strict=True))


def side_by_side(pair: Pair, matrices: Sequence[MatrixKey], idle: str) -> Figure:
    """Draw one row for each matrix: the first lab, the second lab, and second minus first.

    Args:
        pair: the comparison of the two labs.
        matrices: the matrices to draw.
        idle: what happened to idle outputs, for the caption.

    Returns:
        The figure, not saved.
    """
    inside = [[entry for entry in pair.entries if entry.key.matrix == matrix] for matrix in matrices]
    keys = [entry.key for entries in inside for entry in entries]
    tasks = list(dict.fromkeys(task for key in keys for task in (key.first_task, key.second_task)))
    differences = [entry.difference for entries in inside for entry in entries]
    colours = style.interference_colours(), scales.difference_colours(differences, 2 * pair.margin)
    with style.look():
        layout, headings, titles = _layout(tasks, matrices, pair.names)
        figure = style.new_figure(layout.width, layout.height)
        for row, entries in enumerate(inside):
            for column in range(3):
                axes = figure.add_axes(layout.place(row, column))
                _panel(axes, entries, tasks, column, colours[column == 2], layout.entry_side)
                _ticks(axes, tasks, layout, first=column == 0, last=row == len(matrices) - 1)
                if row == 0:
                    above = -(layout.title + 0.05) / layout.entry_side
                    axes.text(0, above, headings[column], fontweight="bold", fontsize=10, va="bottom")
                if column == 0:
                    axes.set_title(titles[row], loc="left", pad=4, fontsize=8.5, color=style.MUTED)
        _footer(figure, layout, colours, pair.margin, idle)
    return figure


def _layout(
    tasks: Sequence[str], matrices: Sequence[MatrixKey], labs: tuple[str, str]
) -> tuple[Layout, list[str], list[str]]:
    """The sizes, and the headings and titles on as many lines as they need."""
    measure = style.new_figure(1, 1)
    names = style.text_width(measure, [style.pretty(task, 18, 1) for task in tasks], 8.5)
    left = 0.45 + names
    side = min(LARGEST, (WIDEST - left - 2 * GAP - 0.3) / (3 * len(tasks)))
    key = style.text_width(measure, _key(), 8)
    layout = Layout(len(tasks), side, left, names + 0.35, len(matrices), key, 1, 1)
    words = [style.pretty(name, 40) for name in labs] + ["second − first"]
    headings = [style.wrapped([word], layout.pitch - 0.15, 10, bold=True) for word in words]
    room = (layout.width + layout.used) / 2 - left - 0.1  # from the first panel to the right edge
    titles = [style.wrapped(style.pretty(matrix.title, 150).split(", "), room, 8.5) for matrix in matrices]
    lines = max(heading.count("\n") for heading in headings), max(title.count("\n") for title in titles)
    return replace(layout, heading=1 + lines[0], titles=1 + lines[1]), headings, titles


def _key() -> list[str]:
    """The meaning of the signs, one line each."""
    return [*MEANINGS.values(), "framed: A, then more of A (drift control)"]


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
    idle: str,
) -> None:
    """Draw both colour bars, with the margin marked on the second, the meaning of the signs, and the caption."""
    width, height = layout.width, layout.height
    length = min((width - layout.key - 4 * MARGIN) / 2, 3.2)
    names = ("interference I(A ← B)", "difference; lines: the margin")
    for column, ((ramp, scale), name) in enumerate(zip(colours, names, strict=True)):
        x = MARGIN + column * (length + MARGIN)
        axes = figure.add_axes((x / width, 1.02 / height, length / width, 0.13 / height))
        bar = figure.colorbar(ScalarMappable(scale, ramp), cax=axes, orientation="horizontal")
        bar.outline.set_visible(False)
        bar.set_label(name, fontsize=8.5, labelpad=2)
        if column == 0:
            bar.set_ticks([-0.5, 0, 1, 2, 4], labels=["≤ −0.5", "0", "1", "2", "≥ 4"])
        else:
            marks = scales.difference_ticks(scale)
            bar.set_ticks(marks, labels=[scales.plain(mark) for mark in marks])
            bar.ax.vlines([-margin, margin], 0, 1, transform=bar.ax.get_xaxis_transform(), color=style.INK, linewidth=1)
        bar.ax.get_xticklabels()[0].set_horizontalalignment("right" if column == 0 else "center")
        bar.ax.minorticks_off()
        bar.ax.tick_params(length=2.5, width=0.6, pad=2, labelsize=8)
    x = (3 * MARGIN + 2 * length) / width
    figure.text(x, 1.2 / height, "\n".join(_key()), fontsize=8, va="top", linespacing=1.45, color=style.INK)
    text = (
        f"{idle}; numbers: means over the networks (seeds) that learnt A and have finite losses, and their difference"
    )
    wrapped = textwrap.fill(text, int((width - 2 * MARGIN) * 15.5))
    figure.text(MARGIN / width, 0.1 / height, wrapped, fontsize=8, color=style.MUTED, va="bottom")


def _slug(name: str) -> str:
    """A name in characters that every file system accepts."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"
