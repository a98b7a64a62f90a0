"""Interference against g, drive or another number: the same networks at every value, at four moments of learning B."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from rnnbench.figures import scales, style, summary
from rnnbench.figures.moments import Block, Series, block
from rnnbench.results.comparisons import MOMENTS, TITLES, Compared
from rnnbench.results.interference import idle_outputs

QUANTITIES = {"interference": "interference I(A ← B)", "skill_lost": "skill\nlost"}
LEFT, GAP, MARGIN = 0.75, 0.16, 0.1  # all sizes in inches
TOP, BLOCK_TITLE, TITLE, BOTTOM = 0.38, 0.26, 0.42, 0.52
INTERFERENCE, SKILL, USED, BETWEEN = 2.3, 1.0, 0.5, 0.14  # heights of the three rows of panels, the space between them
CONTROL = "#8a8a8a"
BOLD: dict[str, Any] = {"color": style.INK, "linewidth": 2.0, "marker": "o", "markersize": 4.5}
UNEVEN = 3.0  # if one step between values is this many times another one, the values are drawn evenly spaced

Tasks = dict[str, tuple[style.Rgb, str]]
"""Colour and marker of each first task."""


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
    95 % interval over seeds if there are five or more; the small dots are seeds, the thin lines are first tasks. Values
    at which fewer than half of the networks count are left out. The strip below shows the fraction of networks that
    count and that reached the moment.

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
        figure, grid = _grid(blocks, list(looks), caption)
        ends = scales.limits(_drawn(blocks))
        for one, columns in zip(blocks, grid, strict=True):
            for column in columns:
                _draw_interference(column, one, looks, ends)
                _draw_skill(column, one, looks)
                _draw_used(column, one, looks)
                _label(column, one, is_first=column is columns[0])
        _surround(figure, grid, blocks, looks, caption)
    return figure


def _grid(blocks: Sequence[Block], tasks: Sequence[str], caption: str) -> tuple[Figure, list[list[Column]]]:
    """Make the panels, with space for the legend on the right."""
    measure = style.new_figure(1, 1)
    right = 0.75 + max(style.text_width(measure, [_task_label(task) for task in tasks], 8.5), 1.6)
    wide = (style.WIDTH - LEFT - right - 3 * GAP) / 4
    title = BLOCK_TITLE if len(blocks) > 1 else 0.0
    tall = title + TITLE + INTERFERENCE + SKILL + USED + 2 * BETWEEN + BOTTOM
    lines = 1 + textwrap.fill(caption, _caption_width()).count("\n")
    height = max(TOP + len(blocks) * tall, TOP + title + TITLE + 0.2 * (len(tasks) + 7)) + 0.15 + 0.15 * lines
    figure = style.new_figure(style.WIDTH, height)
    grid = []
    for index in range(len(blocks)):
        columns = []
        for place, moment in enumerate(MOMENTS):
            x, y = LEFT + place * (wide + GAP), height - TOP - index * tall - title - TITLE
            axes = []
            for size in (INTERFERENCE, SKILL, USED):
                y -= size
                box = (x / style.WIDTH, y / height, wide / style.WIDTH, size / height)
                axes.append(figure.add_axes(box))
                y -= BETWEEN
            columns.append(Column(moment, *axes))
        grid.append(columns)
    return figure, grid


def _drawn(blocks: Sequence[Block]) -> Iterator[np.ndarray]:
    for one in blocks:
        yield one.control.to_numpy(float)
        for moment in MOMENTS:
            of = one.series[moment, "interference"]
            yield from (table.to_numpy(float) for table in (of.means, of.by_seed, of.by_task))


def _places(values: Sequence[float]) -> list[float]:
    """Where values are drawn: at the values, or evenly spaced if their steps differ much."""
    steps = np.diff(values)
    return list(map(float, range(len(values)))) if len(steps) and steps.max() > UNEVEN * steps.min() else list(values)


def _draw_interference(column: Column, one: Block, tasks: Tasks, ends: tuple[float, float]) -> None:
    axes, of = column.interference, one.series[column.moment, "interference"]
    scales.interference_axis(axes, ends, INTERFERENCE)
    for level in (0.0, 1.0):
        axes.axhline(level, color="#c4c4c4", linewidth=0.8, zorder=1)
    if column.moment == "criterion":
        line = axes.plot(_places(one.values), one.control, "--", marker=".", zorder=2, gid="control")
        line[0].set(color=CONTROL, linewidth=1.2, markersize=4)
    _draw_series(axes, of, one, tasks)


def _draw_skill(column: Column, one: Block, tasks: Tasks) -> None:
    axes = column.skill_lost
    for level in (0.0, 1.0):
        axes.axhline(level, color="#c4c4c4", linewidth=0.8, zorder=1)
    axes.set_ylim(-0.06, 1.06)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    _draw_series(axes, one.series[column.moment, "skill_lost"], one, tasks)


def _draw_series(axes: Axes, of: Series, one: Block, tasks: Tasks) -> None:
    """Draw tasks as thin lines, seeds as dots, the mean as a bold line, and values left out as crosses."""
    places = np.array(_places(one.values))
    reach = places[-1] - places[0] if len(places) > 1 else 1.0
    for task in of.by_task:
        line = axes.plot(places, of.by_task[task], zorder=3, gid=f"task:{task}", **_thin(tasks, str(task)))
        line[0].set_markersize(2.4)
    known = of.means["low"].notna().any()
    for index, seed in enumerate(of.by_seed):
        shift = reach * (0.035 + 0.02 * index / max(1, of.by_seed.shape[1] - 1))
        dots = axes.plot(places + shift, of.by_seed[seed], "o", zorder=4, gid=f"seed:{seed}")
        dots[0].set(color=style.INK, markersize=1.8 if known else 2.6, alpha=0.35 if known else 0.7, linewidth=0)
    axes.fill_between(places, of.means["low"], of.means["high"], color=style.INK, alpha=0.12, linewidth=0, zorder=4)
    axes.vlines(places, of.means["low"], of.means["high"], color=style.INK, linewidth=1.1, zorder=5)
    axes.plot(places, of.means["mean"], zorder=6, gid="mean", **BOLD)
    out = [place for place, value in zip(places, one.values, strict=True) if value in one.compared.left_out]
    if out:
        cross = axes.plot(out, [0.03] * len(out), "x", transform=axes.get_xaxis_transform(), zorder=6, gid="left out")
        cross[0].set(color=style.MUTED, markersize=4)
    if not of.n_networks:
        axes.text(0.5, 0.5, "no network", transform=axes.transAxes, ha="center", fontsize=8, color=style.MUTED)


def _thin(tasks: Tasks, task: str) -> dict[str, Any]:
    colour, marker = tasks[task]
    return {"color": colour, "marker": marker, "linewidth": 0.9, "alpha": 0.85}


def _draw_used(column: Column, one: Block, tasks: Tasks) -> None:
    axes, places = column.used, _places(one.values)
    overall, by_task = one.used[column.moment]
    for task in by_task:
        axes.plot(places, by_task[task].reindex(one.values), markersize=2, **_thin(tasks, str(task)))
    axes.plot(places, overall.reindex(one.values), gid="used", **(BOLD | {"linewidth": 1.6, "markersize": 3}))
    axes.set_ylim(-0.15, 1.15)
    axes.set_yticks([0, 1], ["0", "1"])


def _label(column: Column, one: Block, is_first: bool) -> None:
    places, of = _places(one.values), one.series[column.moment, "interference"]
    pad = 0.3 if len(places) == 1 else 0.08 * (places[-1] - places[0])
    wide = column.used.get_position().width * style.WIDTH
    for axes in (column.interference, column.skill_lost, column.used):
        style.quiet(axes)
        axes.set_xlim(places[0] - pad, places[-1] + 1.6 * pad)
        axes.xaxis.set_major_locator(NullLocator())
        axes.tick_params(labelleft=is_first)
    every = 1
    texts = [scales.plain(value) for value in one.values]
    while not _fit(places[::every], texts[::every], wide / (places[-1] - places[0] + 2.6 * pad)):
        every += 1
    column.used.set_xticks(places[::every], texts[::every])
    column.used.set_xlabel(one.compared.across.removeprefix("condition_"), labelpad=2)
    numbers = f"{of.n_pairs}/{of.of_pairs} pairs, {of.n_networks}/{of.of_networks} networks"
    title = TITLES[column.moment].replace("untrained ", "")  # the caption says it; there is room for a few words
    column.interference.set_title(title, loc="left", pad=14, fontsize=9)
    above = column.interference.annotate(numbers, (0, 1), (0, 4), "axes fraction", "offset points", fontsize=7)
    above.set(color=style.MUTED, gid="numbers")
    if is_first:
        column.interference.set_ylabel(QUANTITIES["interference"])
        column.skill_lost.set_ylabel(QUANTITIES["skill_lost"])
        column.used.set_ylabel("used", fontsize=8)


def _fit(places: Sequence[float], texts: Sequence[str], inches: float) -> bool:
    """Whether labels below an axis leave a space between them.

    Args:
        places: positions of the labels, in units of the axis.
        texts: the labels.
        inches: length of a unit of the axis.
    """
    half = [0.035 * len(text) for text in texts]
    pairs = zip(places[:-1], places[1:], half[:-1], half[1:], strict=True)
    return all((b - a) * inches > left + right + 0.05 for a, b, left, right in pairs)


def _surround(figure: Figure, grid: list[list[Column]], blocks: list[Block], tasks: Tasks, caption: str) -> None:
    width, height = figure.get_size_inches()
    parts = [one.parts for one in blocks]
    same = [len({each[k] for each in parts}) == 1 for k in range(len(parts[0]))]
    heading = [part for part, is_same in zip(parts[0], same, strict=True) if part and is_same]
    name = blocks[0].compared.across.removeprefix("condition_")
    title = " · ".join([f"interference against {style.pretty(name)}", *heading])
    figure.text(MARGIN / width, 1 - 0.18 / height, title, fontsize=11, fontweight="bold", va="center")
    for columns, mine in zip(grid, parts, strict=True):
        varied = " · ".join(part for part, is_same in zip(mine, same, strict=True) if part and not is_same)
        box = columns[0].interference.get_position()
        y = box.y1 + (TITLE + 0.06) / height
        figure.text(box.x0, y, varied, fontsize=9.5, fontweight="bold", va="bottom")
    right = grid[0][-1].interference.get_position().x1 + 0.2 / width
    corner = right, grid[0][0].interference.get_position().y1
    handles = _handles(blocks, tasks)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=corner, frameon=False, borderaxespad=0, borderpad=0)
    text = textwrap.fill(caption, _caption_width())
    figure.text(MARGIN / width, 0.08 / height, text, fontsize=7.5, color=style.MUTED, va="bottom")


def _handles(blocks: Sequence[Block], tasks: Tasks) -> list[Line2D]:
    series = [of for one in blocks for of in one.series.values()]
    numbers = {(of.n_pairs, of.of_pairs) for of in series}
    pairs = "pairs (k/n: above)" if len(numbers) > 1 else "{} of {} pairs".format(*next(iter(numbers)))
    known = any(of.means["low"].notna().any() for of in series)
    interval = ",\n95 % interval over seeds" if known else ""
    size = {"markersize": 1.8, "alpha": 0.35} if known else {"markersize": 2.6, "alpha": 0.7}
    handles = [
        Line2D([], [], label=f"mean over the same\n{pairs}{interval}", **BOLD),
        Line2D([], [], color=style.INK, marker="o", linestyle="none", label="seeds", **size),  # type: ignore[arg-type]
        Line2D([], [], color=CONTROL, linewidth=1.2, linestyle="--", label="A, then more of A"),
    ]
    if any(one.compared.left_out for one in blocks):
        handles.append(Line2D([], [], color=style.MUTED, marker="x", markersize=4, linestyle="none", label="left out"))
    handles.append(Line2D([], [], linestyle="none", label="first task (A):"))
    drawn = [task for task in tasks if any(task in one.used["criterion"][1] for one in blocks)]
    return handles + [Line2D([], [], markersize=3, label=_task_label(task), **_thin(tasks, task)) for task in drawn]


def _task_label(task: str) -> str:
    return style.pretty(task, 20, 2)


def _caption(blocks: Sequence[Block], interference: pd.DataFrame) -> str:
    known = any(of.means["low"].notna().any() for one in blocks for of in one.series.values())
    interval = (
        "Bars and band: 95 % interval over seeds (studentised bootstrap)."
        if known
        else "Fewer than five seeds: no interval."
    )
    out = _left_out(blocks)
    spaced = "" if all(_places(one.values) == list(one.values) for one in blocks) else " Values are evenly spaced."
    name = blocks[0].compared.across.removeprefix("condition_")
    return (
        f"Interference ({idle_outputs(interference)}): 0 nothing lost, 1 as bad as untrained; {scales.SCALE}. "
        f"Skill lost: the same on a logarithmic scale of the loss, cut to 0..1. All lines of a panel are over the "
        f"pairs and seeds that count at every value of {name}; k/n: over k of n. Half, tenth: of B's untrained loss. "
        f"{interval} Used: fraction of the networks that reached the criterion on A, have finite losses and reached "
        f"that moment of learning B.{out}{spaced}"
    )


def _left_out(blocks: Sequence[Block]) -> str:
    values = sorted({value for one in blocks for value in one.compared.left_out})
    if not values:
        return ""
    text = ", ".join(f"{value:g}" for value in values)
    return f" ×: {text} left out, since fewer than half of the networks count there."


def _caption_width() -> int:
    return math.floor((style.WIDTH - 2 * MARGIN) * 16.8)
