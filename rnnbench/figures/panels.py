"""Panels of interference and the like against a number such as g, which several figures have."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from rnnbench.figures import error_bars, scales, style
from rnnbench.figures.moments import Block, Series
from rnnbench.results.comparisons import MOMENTS

CONTROL = "#8a8a8a"
GUIDE: dict[str, Any] = {"color": "#c4c4c4", "linewidth": 0.8, "zorder": 1}
BOLD: dict[str, Any] = {"color": style.INK, "linewidth": 2.0, "marker": "o", "markersize": 4.5}
CROSS: dict[str, Any] = {"color": style.MUTED, "marker": "x", "markersize": 4, "linestyle": "none"}
UNEVEN = 3.0  # if one step between values is this many times another one, the values are drawn evenly spaced
TITLE, LINE = 0.42, 0.13  # height in inches of a title with one line of numbers, and of each further line
BESIDE = 0.035  # how far seeds and intervals over tasks are from the mean, as a fraction of the range of the values

Tasks = dict[str, tuple[style.Rgb, str]]
"""Colour and marker of each first task; empty in a figure without lines of tasks."""


def places(values: Sequence[float]) -> list[float]:
    """Where values are drawn: at the values, or evenly spaced if their steps differ much."""
    steps = np.diff(values)
    return list(map(float, range(len(values)))) if len(steps) and steps.max() > UNEVEN * steps.min() else list(values)


def drawn(blocks: Iterable[Block], moments: Sequence[str] = tuple(MOMENTS), tasks: bool = True) -> Iterator[np.ndarray]:
    """Every value of interference that is drawn, for the ends of the axis.

    Args:
        blocks: the comparisons.
        moments: the moments that are drawn.
        tasks: whether first tasks are drawn.
    """
    for one in blocks:
        yield one.control.to_numpy(float)
        for moment in moments:
            of = one.series[moment, "interference"]
            tables = [of.means, of.by_seed, *([of.by_task] if tasks else [])]
            yield from (table.to_numpy(float) for table in tables)


def interference_panel(axes: Axes, one: Block, moment: str, tasks: Tasks, ends: tuple[float, float]) -> None:
    """Draw interference at one moment.

    Args:
        axes: the axes.
        one: the comparison.
        moment: a key of MOMENTS; at "criterion" the drift controls are drawn, too.
        tasks: the looks of the first tasks that are drawn as thin lines.
        ends: the ends of the axis, from `scales.limits`.
    """
    scales.interference_axis(axes, ends, style.size_of(axes)[1])
    for level in (0.0, 1.0):
        axes.axhline(level, **GUIDE)
    if moment == "criterion":
        line = axes.plot(places(one.values), one.control, "--", marker=".", zorder=2, gid="control")
        line[0].set(color=CONTROL, linewidth=1.2, markersize=4)
    series(axes, one.series[moment, "interference"], one, tasks)


def series(axes: Axes, of: Series, one: Block, tasks: Tasks) -> None:
    """Draw tasks as thin lines, seeds as dots, the mean as a bold line with its intervals, and the median.

    Values that were left out are crosses at the bottom.
    """
    x = np.array(places(one.values))
    reach = x[-1] - x[0] if len(x) > 1 else 1.0
    for task in (name for name in of.by_task if name in tasks):
        line = axes.plot(x, of.by_task[task], zorder=3, gid=f"task:{task}", **thin(tasks, str(task)))
        line[0].set_markersize(2.4)
    known = error_bars.SEEDS in error_bars.kinds_in([of.means])
    for index, seed in enumerate(of.by_seed):
        shift = reach * (BESIDE + 0.02 * index / max(1, of.by_seed.shape[1] - 1))
        axes.plot(x + shift, of.by_seed[seed], zorder=4, gid=f"seed:{seed}", **seed_look(known))
    axes.fill_between(x, of.means["low"], of.means["high"], color=style.INK, alpha=0.1, linewidth=0, zorder=2)
    error_bars.draw(axes, x - reach * BESIDE, of.means["low_tasks"], of.means["high_tasks"], error_bars.TASKS)
    error_bars.draw(axes, x, of.means["low"], of.means["high"], error_bars.SEEDS)
    axes.plot(x, of.means["mean"], zorder=6, gid="mean", **BOLD)
    axes.plot(x, of.means["median"], zorder=7, gid="median", **error_bars.MEDIAN)
    out = [place for place, value in zip(x, one.values, strict=True) if value in one.compared.left_out]
    if out:
        axes.plot(out, [0.03] * len(out), transform=axes.get_xaxis_transform(), zorder=6, gid="left out", **CROSS)
    if not of.n_networks:
        axes.text(0.5, 0.5, "no network", transform=axes.transAxes, ha="center", fontsize=8, color=style.MUTED)


def thin(tasks: Tasks, task: str) -> dict[str, Any]:
    """The look of the line of a first task."""
    colour, marker = tasks[task]
    return {"color": colour, "marker": marker, "linewidth": 0.9, "alpha": 0.85}


def seed_look(known: bool) -> dict[str, Any]:
    """The look of the dots of seeds, which are fainter where there is an interval.

    Args:
        known: whether there is an interval over seeds.
    """
    size = {"markersize": 1.8, "alpha": 0.4} if known else {"markersize": 2.6, "alpha": 0.7}
    return {"color": style.INK, "marker": "o", "linestyle": "none", **size}


def x_axis(axes: Axes, one: Block, is_named: bool = True) -> None:
    """Make the x axis that of the compared number, with as many labels as have room.

    Args:
        axes: the axes.
        one: the comparison.
        is_named: whether the axis has a name and labels.
    """
    style.quiet(axes)
    x = places(one.values)
    pad = 0.3 if len(x) == 1 else 0.08 * (x[-1] - x[0])
    axes.set_xlim(x[0] - pad, x[-1] + 1.6 * pad)
    axes.xaxis.set_major_locator(NullLocator())
    if not is_named:
        return
    every, texts = 1, [scales.plain(value) for value in one.values]
    while not _fit(x[::every], texts[::every], style.size_of(axes)[0] / (x[-1] - x[0] + 2.6 * pad)):
        every += 1
    axes.set_xticks(x[::every], texts[::every])
    axes.set_xlabel(one.compared.across.removeprefix("condition_"), labelpad=2)


def _fit(at: Sequence[float], texts: Sequence[str], inches: float) -> bool:
    """Whether labels below an axis leave a space between them.

    Args:
        at: positions of the labels, in units of the axis.
        texts: the labels.
        inches: length of a unit of the axis.
    """
    half = [0.035 * len(text) for text in texts]
    pairs = zip(at[:-1], at[1:], half[:-1], half[1:], strict=True)
    return all((b - a) * inches > left + right + 0.05 for a, b, left, right in pairs)


def title(axes: Axes, one: Block, moment: str, text: str) -> None:
    """Draw a title, and below it how many pairs and networks count, and the change along all values.

    Args:
        axes: the axes.
        one: the comparison.
        moment: a key of MOMENTS.
        text: the title.
    """
    numbers, change = one.series[moment, "interference"].numbers, change_lines(one, moment)
    below = 72 * LINE * len(change)
    axes.set_title(text, loc="left", pad=14 + below + 72 * LINE * numbers.count("\n"), fontsize=9)
    for y, gid, words in ((4 + below, "numbers", numbers), (4, "change", "\n".join(change))):
        drawn = axes.annotate(words, (0, 1), (0, y), "axes fraction", "offset points", fontsize=7)
        drawn.set(color=style.MUTED, gid=gid)


def above(blocks: Sequence[Block], moments: Iterable[str]) -> float:
    """Height in inches of the titles of panels, with their numbers.

    Args:
        blocks: the comparisons of the figure.
        moments: the moments that are drawn.
    """
    lines = [
        len(change_lines(one, moment)) + one.series[moment, "interference"].numbers.count("\n")
        for moment in moments
        for one in blocks
    ]
    return TITLE + LINE * max(lines)


def change_lines(one: Block, moment: str) -> list[str]:
    """Lines of text: the change of interference along all values, and its intervals over seeds and over tasks."""
    change = one.series[moment, "interference"].change
    if not math.isfinite(change.get("change", math.nan)):
        return []
    ends = {error_bars.SEEDS: ("low", "high"), error_bars.TASKS: ("low_tasks", "high_tasks")}
    intervals = [
        f"{kind} {style.number(change[low])} to {style.number(change[high])}"
        for kind, (low, high) in ends.items()
        if math.isfinite(change[low])
    ]
    return [f"change {style.number(change['change'])}", *intervals]


def legend_columns(handles: Sequence[Artist], width: float) -> int:
    """Number of columns of a legend: as many as have room.

    Args:
        handles: the entries of the legend.
        width: the room in inches.
    """
    measure = style.new_figure(1, 1)
    widths = [0.55 + style.text_width(measure, [str(handle.get_label())], 8.5) for handle in handles]

    def needed(columns: int) -> float:
        rows = math.ceil(len(widths) / columns)
        return sum(max(widths[start : start + rows]) for start in range(0, len(widths), rows))

    return max((n for n in range(1, len(widths) + 1) if needed(n) <= width), default=1)


def handles(blocks: Sequence[Block], every: Sequence[Series]) -> list[Line2D]:
    """The legend of what all panels have: mean, median, intervals, seeds, the drift control and values left out.

    Args:
        blocks: the comparisons of the figure.
        every: all series that are drawn.
    """
    numbers = {(of.n_pairs, of.of_pairs) for of in every}
    pairs = "pairs (k/n: above)" if len(numbers) > 1 else "{} of {} pairs".format(*next(iter(numbers)))
    kinds = error_bars.kinds_in(of.means for of in every)
    found = [Line2D([], [], label=f"mean over the same\n{pairs}", **BOLD)]
    found += [error_bars.handle(kind, f"95 % interval {kind}") for kind in kinds]
    found += [
        Line2D([], [], label="median", **error_bars.MEDIAN),
        Line2D([], [], label="seeds", **seed_look(error_bars.SEEDS in kinds)),
    ]
    if any(one.control.notna().any() for one in blocks):
        found.append(Line2D([], [], color=CONTROL, linewidth=1.2, linestyle="--", label="A, then more of A"))
    if any(one.compared.left_out for one in blocks):
        found.append(Line2D([], [], label="left out", **CROSS))
    return found


def heading(blocks: Sequence[Block], name: str) -> tuple[str, list[str]]:
    """The title of a figure, with what is the same in all settings, and a title of each block, with what differs.

    Args:
        blocks: the comparisons of the figure, of the same number.
        name: what the figure shows, the start of its title.
    """
    parts = [one.parts for one in blocks]
    same = [len({each[k] for each in parts}) == 1 for k in range(len(parts[0]))]
    shared = [part for part, is_same in zip(parts[0], same, strict=True) if part and is_same]
    varied = [
        " · ".join(part for part, is_same in zip(mine, same, strict=True) if part and not is_same) for mine in parts
    ]
    across = style.pretty(blocks[0].compared.across.removeprefix("condition_"))
    return " · ".join([f"{name} against {across}", *shared]), varied


def left_out(blocks: Sequence[Block]) -> str:
    """Say which values are left out and why; empty if none is."""
    values = sorted({value for one in blocks for value in one.compared.left_out})
    if not values:
        return ""
    text = ", ".join(f"{value:g}" for value in values)
    return f" ×: {text} left out, since fewer than half of the networks count there."
