"""Interference against g, drive or another number: the same networks at every value, at four moments of learning B."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.figures import error_bars, panels, scales, style, summary
from rnnbench.figures.moments import Block, block
from rnnbench.figures.panels import Tasks
from rnnbench.results.comparisons import MOMENTS, TITLES, Compared
from rnnbench.results.interference import idle_outputs

QUANTITIES = {"interference": "interference I(A ← B)", "skill_lost": "skill\nlost"}
LEFT, GAP, MARGIN = 0.75, 0.16, 0.1  # all sizes in inches
TOP, BLOCK_TITLE, BOTTOM = 0.38, 0.26, 0.52
INTERFERENCE, SKILL, USED, BETWEEN = 2.3, 1.0, 0.5, 0.14  # heights of the three rows of panels, the space between them


@dataclass(frozen=True)
class Column:
    """The panels of one moment, from top to bottom."""

    moment: str
    interference: Axes
    skill_lost: Axes
    used: Axes


def interference_against(found: Sequence[Compared], interference: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Draw interference, and the bounded skill lost, against the values of a number, with a block for each setting.

    A block has a column for each moment of the training on B at which networks are compared. All lines of a panel are
    over the pairs and seeds that count at every value: the bold line is their mean, as in comparisons.csv, with its
    95 % intervals over seeds and over tasks if there are five or more; open diamonds are medians, the small dots seeds,
    the thin lines first tasks. Above is the change along all values, as in trends.csv. Values at which fewer than half
    of the networks count are left out. The strip below shows the fraction of networks that count and that reached the
    moment.

    Args:
        found: comparisons of the same number (see `results.comparisons.compared`), at least one.
        interference: the interference table that they were made from.
        curves: the curves table.

    Returns:
        The figure, not saved.
    """
    blocks = [block(one, interference, curves) for one in found]
    looks = style.looks_of_tasks(summary.task_order(interference))
    with style.look("ticks"):
        caption = _caption(blocks, interference)
        figure, grid = _grid(blocks, list(looks), caption, panels.above(blocks, MOMENTS))
        ends = scales.limits(panels.drawn(blocks))
        for one, columns in zip(blocks, grid, strict=True):
            for column in columns:
                panels.interference_panel(column.interference, one, column.moment, looks, ends)
                _draw_skill(column, one, looks)
                _draw_used(column, one, looks)
                _label(column, one, is_first=column is columns[0])
        _surround(figure, grid, blocks, looks, caption)
    return figure


def _grid(
    blocks: Sequence[Block], tasks: Sequence[str], caption: str, above: float
) -> tuple[Figure, list[list[Column]]]:
    """Make the panels, with space for the legend on the right, and `above` inches above each column."""
    measure = style.new_figure(1, 1)
    right = 0.75 + max(style.text_width(measure, [_task_label(task) for task in tasks], 8.5), 1.6)
    wide = (style.WIDTH - LEFT - right - 3 * GAP) / 4
    title = BLOCK_TITLE if len(blocks) > 1 else 0.0
    tall = title + above + INTERFERENCE + SKILL + USED + 2 * BETWEEN + BOTTOM
    lines = 1 + textwrap.fill(caption, _caption_width()).count("\n")
    legend = 0.18 * (len(tasks) + 8) + 0.15 * sum(_task_label(task).count("\n") for task in tasks)
    height = max(TOP + len(blocks) * tall, TOP + title + above + legend) + 0.15 + 0.15 * lines
    figure = style.new_figure(style.WIDTH, height)
    grid = []
    for index in range(len(blocks)):
        columns = []
        for place, moment in enumerate(MOMENTS):
            x, y = LEFT + place * (wide + GAP), height - TOP - index * tall - title - above
            axes = []
            for size in (INTERFERENCE, SKILL, USED):
                y -= size
                box = (x / style.WIDTH, y / height, wide / style.WIDTH, size / height)
                axes.append(figure.add_axes(box))
                y -= BETWEEN
            columns.append(Column(moment, *axes))
        grid.append(columns)
    return figure, grid


def _draw_skill(column: Column, one: Block, tasks: Tasks) -> None:
    axes = column.skill_lost
    for level in (0.0, 1.0):
        axes.axhline(level, **panels.GUIDE)
    axes.set_ylim(-0.06, 1.06)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    panels.series(axes, one.series[column.moment, "skill_lost"], one, tasks)


def _draw_used(column: Column, one: Block, tasks: Tasks) -> None:
    axes, places = column.used, panels.places(one.values)
    overall, by_task = one.used[column.moment]
    for task in by_task:
        axes.plot(places, by_task[task].reindex(one.values), markersize=2, **panels.thin(tasks, str(task)))
    axes.plot(places, overall.reindex(one.values), gid="used", **(panels.BOLD | {"linewidth": 1.6, "markersize": 3}))
    axes.set_ylim(-0.15, 1.15)
    axes.set_yticks([0, 1], ["0", "1"])


def _label(column: Column, one: Block, is_first: bool) -> None:
    for axes in (column.interference, column.skill_lost, column.used):
        panels.x_axis(axes, one, is_named=axes is column.used)
        axes.tick_params(labelleft=is_first)
    title = TITLES[column.moment].replace("untrained ", "")  # the caption says it; there is room for a few words
    panels.title(column.interference, one, column.moment, title)
    if is_first:
        column.interference.set_ylabel(QUANTITIES["interference"])
        column.skill_lost.set_ylabel(QUANTITIES["skill_lost"])
        column.used.set_ylabel("used", fontsize=8)


def _surround(figure: Figure, grid: list[list[Column]], blocks: list[Block], tasks: Tasks, caption: str) -> None:
    width, height = figure.get_size_inches()
    title, varied = panels.heading(blocks, "interference")
    figure.text(MARGIN / width, 1 - 0.18 / height, title, fontsize=11, fontweight="bold", va="center")
    for columns, text in zip(grid, varied, strict=True):
        box = columns[0].interference.get_position()
        y = box.y1 + (0.06 + panels.above(blocks, MOMENTS)) / height
        figure.text(box.x0, y, text, fontsize=9.5, fontweight="bold", va="bottom")
    right = grid[0][-1].interference.get_position().x1 + 0.2 / width
    corner = right, grid[0][0].interference.get_position().y1
    handles = _handles(blocks, tasks)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=corner, frameon=False, borderaxespad=0, borderpad=0)
    text = textwrap.fill(caption, _caption_width())
    figure.text(MARGIN / width, 0.08 / height, text, fontsize=7.5, color=style.MUTED, va="bottom")


def _handles(blocks: Sequence[Block], tasks: Tasks) -> list[Line2D]:
    shared = panels.handles(blocks, [of for one in blocks for of in one.series.values()])
    drawn = [task for task in tasks if any(task in one.used["criterion"][1] for one in blocks)]
    first = Line2D([], [], linestyle="none", label="first task (A):")
    looks = [Line2D([], [], markersize=3, label=_task_label(task), **panels.thin(tasks, task)) for task in drawn]
    return [*shared, first, *looks]


def _task_label(task: str) -> str:
    return style.pretty(task, 20, 2)


def _caption(blocks: Sequence[Block], interference: pd.DataFrame) -> str:
    kinds = error_bars.kinds_in(of.means for one in blocks for of in one.series.values())
    spaced = (
        "" if all(panels.places(one.values) == list(one.values) for one in blocks) else " Values are evenly spaced."
    )
    name = blocks[0].compared.across.removeprefix("condition_")
    return (
        f"Interference ({idle_outputs(interference)}): 0 nothing lost, 1 as bad as untrained; {scales.SCALE}. "
        f"Skill lost: the same on a logarithmic scale of the loss, cut to 0..1. All lines of a panel are over the "
        f"pairs and seeds that count at every value of {name}; k/n: over k of n. Half, tenth: of B's untrained loss. "
        f"{error_bars.caption(kinds)} Change: of a line through all values, from the first to the last (trends.csv). "
        f"Used: fraction of the networks that reached the criterion on A, have finite losses and reached "
        f"that moment of learning B.{panels.left_out(blocks)}{spaced}"
    )


def _caption_width() -> int:
    return math.floor((style.WIDTH - 2 * MARGIN) * 16.8)
