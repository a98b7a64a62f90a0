"""Interference against g, the scale of the random initial connectivity."""

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

from rnnbench.figures import style, summary

LEFT, GAP = 0.75, 0.35  # all sizes in inches
TOP, TITLE, BOTTOM = 0.4, 0.24, 0.5
TALL, STRIP, BETWEEN = 3.0, 0.6, 0.14  # main panel, convergence strip, the space between them
WIDEST = 5.6  # largest width of a panel
CEILING = 3.0  # as for the curves: higher values are written as numbers, so that they do not flatten the rest
CONTROL = "#8a8a8a"
BOLD: dict[str, Any] = {"color": style.INK, "linewidth": 2.2, "marker": "o", "markersize": 5}

Tasks = dict[str, tuple[style.Rgb, str]]  # colour and marker of each first task


@dataclass(frozen=True)
class Block:
    """The data of one group's panels.

    Attributes:
        group: (architecture, rule, units, condition, earlier tasks).
        table: its rows of the interference table.
        by_task: mean interference by g (rows) and first task (columns), over pairs of different tasks.
        pairs: mean over pairs of different tasks at each g, with its interval.
        control: mean over the drift controls (A, then more of A) at each g, with its interval.
    """

    group: summary.Group
    table: pd.DataFrame
    by_task: pd.DataFrame
    pairs: pd.DataFrame
    control: pd.DataFrame


def interference_against_g(interference: pd.DataFrame, rng: np.random.Generator | None = None) -> Figure:
    """Draw interference against g, with one block for each (architecture, rule, units) that has g.

    The bold line is the mean over all pairs of different tasks with its 95 % interval over seeds, if there are five or
    more; pairs are averaged within a seed first. Thin lines are the first tasks. The dashed line is the drift control
    (A, then more of A). The strip below shows the fraction of networks that reached the criterion on A. Networks that
    did not are left out of the panel above, so where the fraction is low the mean covers only what could be learnt.

    Args:
        interference: the interference table.
        rng: draws the bootstrap resamples; by default `np.random.default_rng(0)`, so that the same table
            gives the same figure.

    Returns:
        The figure, not saved. If no row has g it only shows a message.

    Raises:
        ValueError: a column is missing.
    """
    summary.require_columns(interference, summary.INTERFERENCE_COLUMNS, "interference")
    with_g = interference[interference["g"].notna()]
    if with_g.empty:
        return style.nothing("no networks with g")
    rng = np.random.default_rng(0) if rng is None else rng
    blocks = [_block(group, rows, rng) for group, rows in summary.groups(with_g)]
    tasks = summary.task_order(with_g)
    looks = style.looks_of_tasks(tasks)
    with style.look("ticks"):
        figure, grid = _grid(len(blocks), tasks)
        limits = _limits(blocks)
        for index, (block, (main, strip)) in enumerate(zip(blocks, grid, strict=True)):
            _draw_main(main, block, looks, limits)
            _draw_strip(strip, block, looks)
            title = style.group_title(block.group) if len(blocks) > 1 else ""
            _label(main, strip, title, is_first=index % _columns(len(blocks)) == 0)
        _surround(figure, grid, blocks, looks)
    return figure


def _block(group: summary.Group, table: pd.DataFrame, rng: np.random.Generator) -> Block:
    same = table["first_task"] == table["second_task"]
    every_g = table["g"].unique()
    by_task = summary.means_by_task(table[~same]).reindex(sorted(every_g))
    pairs, control = summary.against_g(table[~same], rng), summary.against_g(table[same], rng)
    return Block(group, table, by_task, pairs.reindex(by_task.index), control)


def _columns(n_blocks: int) -> int:
    return 1 if n_blocks == 1 else 2


def _grid(n_blocks: int, tasks: Sequence[str]) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Make the main panel and the strip of each block, with space for the legend on the right."""
    columns = _columns(n_blocks)
    rows = math.ceil(n_blocks / columns)
    measure = style.new_figure(1, 1)
    right = 0.75 + max(style.text_width(measure, [_task_label(task) for task in tasks], 8.5), 1.65)
    wide = min(WIDEST, (style.WIDTH - LEFT - right - (columns - 1) * GAP) / columns)
    width = LEFT + columns * wide + (columns - 1) * GAP + right
    title = TITLE if n_blocks > 1 else 0.0
    block = title + TALL + BETWEEN + STRIP + BOTTOM
    # The legend of many tasks may be taller than the panels.
    height = max(TOP + rows * block, TOP + title + 0.19 * (len(tasks) + 5)) + _caption_height(width)
    figure = style.new_figure(width, height)
    grid = []
    for index in range(n_blocks):
        x = (LEFT + (index % columns) * (wide + GAP)) / width
        y = height - TOP - (index // columns) * block - title - TALL
        main = figure.add_axes((x, y / height, wide / width, TALL / height))
        below = (y - BETWEEN - STRIP) / height
        grid.append((main, figure.add_axes((x, below, wide / width, STRIP / height), sharex=main)))
    return figure, grid


def _limits(blocks: Sequence[Block]) -> tuple[float, float]:
    """The y range of every main panel: it includes all values, zero and one, but ends at the ceiling."""
    drawn = [block.by_task.to_numpy(float).ravel() for block in blocks]
    drawn += [block.pairs[["mean", "low", "high"]].to_numpy(float).ravel() for block in blocks]
    drawn += [block.control["mean"].to_numpy(float) for block in blocks]
    values = np.concatenate(drawn)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    return max(min(low * 1.1, -0.08), -1.0), min(max(high * 1.08, 1.15), CEILING)


def _draw_main(axes: Axes, block: Block, tasks: Tasks, limits: tuple[float, float]) -> None:
    for level in (0.0, 1.0):
        axes.axhline(level, color="#c4c4c4", linewidth=0.8, zorder=1)
    means = block.by_task
    for index, task in enumerate(means.columns):
        # With a single g there are no lines, and the points of the tasks are drawn side by side.
        shift = 0.06 + 0.34 * index / len(means.columns) if len(means) == 1 else 0.0
        line = axes.plot(means.index + shift, means[task], zorder=3, gid=f"task:{task}", **_thin(tasks, task))
        line[0].set_markersize(2.6 if len(means) > 1 else 4.0)
    control = axes.plot(block.control.index, block.control["mean"], "--", marker=".", zorder=2, gid="control")
    control[0].set(color=CONTROL, linewidth=1.2, markersize=4)
    pairs = block.pairs
    if len(pairs) > 1:
        band = axes.fill_between(pairs.index, pairs["low"], pairs["high"], linewidth=0, zorder=4)
        band.set(color=style.INK, alpha=0.14)
    axes.vlines(pairs.index, pairs["low"], pairs["high"], color=style.INK, linewidth=1.1, zorder=5)
    axes.plot(pairs.index, pairs["mean"], zorder=6, gid="mean", **BOLD)
    axes.set_ylim(*limits)
    _mark_cut_off(axes, block, tasks, limits[1])


def _thin(tasks: Tasks, task: str) -> dict[str, Any]:
    colour, marker = tasks[task]
    return {"color": colour, "marker": marker, "linewidth": 0.9, "alpha": 0.85}


def _mark_cut_off(axes: Axes, block: Block, tasks: Tasks, high: float) -> None:
    """Write values above the panel at its upper edge, at most two for each g, that of the bold mean first."""
    last = len(block.pairs) - 1
    for index, g in enumerate(block.pairs.index):
        of_tasks = [(float(block.by_task[task].loc[g]), tasks[task][0]) for task in block.by_task.columns]
        values: list[tuple[float, Any]] = [(float(block.pairs["mean"].loc[g]), style.INK)]
        values += sorted(of_tasks, key=lambda pair: pair[0], reverse=True)
        above = [(value, colour) for value, colour in values if value > high][:2]
        side = "center" if 0 < index < last or last == 0 else "left" if index == 0 else "right"
        for line, (value, colour) in enumerate(above):
            text, shift = f"↑ {style.number(value)}", (0, -3 - 10 * line)
            drawn = axes.annotate(
                text, (g, 1), shift, xycoords=axes.get_xaxis_transform(), textcoords="offset points", zorder=7
            )
            drawn.set(ha=side, va="top", fontsize=7.5, color=colour, path_effects=[style.halo()])


def _draw_strip(axes: Axes, block: Block, tasks: Tasks) -> None:
    overall, by_task = summary.convergence(block.table)
    for task in by_task.columns:
        axes.plot(by_task.index, by_task[task], markersize=2, **_thin(tasks, task))
    axes.plot(overall.index, overall, gid="convergence", **(BOLD | {"linewidth": 1.8, "markersize": 3.5}))
    axes.set_ylim(-0.12, 1.12)
    axes.set_yticks([0, 1], ["0", "1"])
    values = overall.index.to_numpy(float)
    pad = 0.04 * (values[-1] - values[0])
    axes.set_xlim((values[0] - pad, values[-1] + pad) if pad else (values[0] - 0.1, values[0] + 0.45))
    ticks = values[:: math.ceil(len(values) / 9)]
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])


def _label(main: Axes, strip: Axes, title: str, is_first: bool) -> None:
    for axes in (main, strip):
        style.quiet(axes)
        axes.tick_params(labelleft=is_first)
    main.tick_params(labelbottom=False)
    main.set_yticks([tick for tick in (0, 1, 2, 3) if tick <= main.get_ylim()[1]])
    strip.set_xlabel("g", labelpad=2)
    main.set_title(title, loc="left", pad=5)
    if is_first:
        main.set_ylabel("interference I(A ← B)")
        strip.set_ylabel("converged\non A", fontsize=8)


def _surround(figure: Figure, grid: list[tuple[Axes, Axes]], blocks: list[Block], tasks: Tasks) -> None:
    width, height = figure.get_size_inches()
    heading = style.group_title(blocks[0].group) if len(blocks) == 1 else "interference against g"
    figure.text(LEFT / width, 1 - 0.2 / height, heading, fontsize=11, fontweight="bold", va="center")
    drawn = [task for task in tasks if any(task in block.by_task.columns for block in blocks)]
    handles = [
        Line2D([], [], label="mean over pairs,\n95% interval over seeds", **BOLD),
        Line2D([], [], color=CONTROL, linewidth=1.2, linestyle="--", label="A, then more of A"),
        Line2D([], [], linestyle="none", label="first task (A):"),
    ]
    handles += [Line2D([], [], markersize=3, label=_task_label(task), **_thin(tasks, task)) for task in drawn]
    right = max(main.get_position().x1 for main, _ in grid) + 0.2 / width
    corner = right, grid[0][0].get_position().y1
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=corner, frameon=False, borderaxespad=0, borderpad=0)
    figure.text(LEFT / width, 0.08 / height, _caption(width), fontsize=7.5, color=style.MUTED, va="bottom")


def _task_label(task: str) -> str:
    return style.pretty(task, 20, 2)


def _caption(width: float) -> str:
    text = (
        "0: nothing lost, 1: as bad as untrained. Pairs are averaged within a seed, then over seeds; interval: "
        "studentised bootstrap, for five seeds or more. Networks that did not reach the criterion on A or whose loss "
        "is not finite are left out. ↑: value above the panel"
    )
    return textwrap.fill(text, int((width - LEFT) * 16.5))


def _caption_height(width: float) -> float:
    return 0.12 + 0.15 * (1 + _caption(width).count("\n"))
