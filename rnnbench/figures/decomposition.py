"""Figure of what interference is due to: the first task, the second task, the pair and the seed."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from rnnbench.figures import error_bars, scales, style, summary
from rnnbench.results.columns import MATRIX
from rnnbench.results.decomposition import Bounded, Decomposition, decompositions
from rnnbench.results.interference import idle_outputs, in_context

FEWEST = 4
"""With fewer tasks rows, columns and pairs cannot be told apart."""

ORDER = ("pair", "A", "B", "seeds")
"""The parts of a bar from left to right; the pairs come first, so that their interval starts at 0 like they do."""
COLOURS = {"pair": "#e08aa9", "A": "#5f9ad1", "B": "#8fc1a9", "seeds": "#dcdcdc"}
LEGEND_LOOK: dict[str, Any] = {"frameon": False, "borderpad": 0, "borderaxespad": 0, "fontsize": 8}
LEGEND_LOOK |= {"handlelength": 1.2, "columnspacing": 1.2}
QUANTITIES = ("interference", "skill_lost")
MEANINGS = {"pair": "the pair", "A": "A, the first task", "B": "B, the second task", "seeds": "seeds"}
MARGIN, TOP, BAR, GAP, RIGHT = 0.1, 0.72, 0.42, 0.4, 0.25  # all sizes in inches
LEGEND, HEADING, TICKS = 0.2, 0.5, 0.5
BESIDE = 0.37  # distance of an interval from the middle of its bar, in bars
NOTE = 0.13  # height of a line of the note above a matrix
TASK, ENTRY, NUMBERED = 0.24, 0.46, 0.3  # height of a task's row; largest side of an entry, smallest one with a number


@dataclass(frozen=True)
class Setting:
    """One matrix and its decompositions.

    Attributes:
        title: what distinguishes it from the other matrices.
        of: its decomposition, by quantity.
    """

    title: str
    of: dict[str, Decomposition]


def rows_columns_pairs(interference: pd.DataFrame) -> Figure | None:
    """Draw the decomposition I(A, B) = mean + row(A) + column(B) + pair(A, B) of every matrix.

    Above are the shares of the variance between single networks, as in decomposition.csv, with the intervals of the
    pairs' share. In the middle are the effects of rows and columns with their intervals over seeds. Below are the
    effects of pairs, the residuals of the additive fit.

    Args:
        interference: the interference table.

    Returns:
        The figure, not saved; None with fewer than four tasks, or if nothing can be decomposed.
    """
    tasks = summary.task_order(interference)
    if len(tasks) < FEWEST:
        return None
    settings = _settings(interference)
    if not settings:
        return None
    with style.look("ticks"):
        return _draw(settings, tasks, interference)


def _settings(interference: pd.DataFrame) -> list[Setting]:
    found: dict[tuple[str, ...], tuple[dict[str, Any], dict[str, Decomposition]]] = {}
    for names, quantity, one in decompositions(interference):
        key = tuple(str(names[name]) for name in MATRIX)
        found.setdefault(key, (names, {}))[1][quantity] = one
    found = {key: each for key, each in found.items() if each[1]["interference"].rows}
    titles = style.varied_titles([each[0] for each in found.values()])
    return [
        Setting(title, {quantity: one for quantity, one in of.items() if one.n_pairs})
        for title, (_, of) in zip(titles, found.values(), strict=True)
    ]


def _draw(settings: Sequence[Setting], tasks: Sequence[str], interference: pd.DataFrame) -> Figure:
    measure = style.new_figure(1, 1)
    names = [style.pretty(task, 20) for task in tasks]
    size = 8.5
    left = 0.35 + style.text_width(measure, names, size)
    bars = [(setting, quantity) for quantity in QUANTITIES for setting in settings if quantity in setting.of]
    labels = [_bar_label(setting, quantity, settings) for setting, quantity in bars]
    indent = MARGIN + 0.15 + style.text_width(measure, labels, size)
    n = len(tasks)
    columns = _n_columns(n, len(settings), style.WIDTH - left - RIGHT)
    side = min(ENTRY, (style.WIDTH - left - RIGHT - (columns - 1) * 0.25) / (columns * n))
    rows = math.ceil(len(settings) / columns)
    below = 0.15 + style.text_width(measure, names, size)
    caption = textwrap.fill(_caption(settings, interference), int((style.WIDTH - 2 * MARGIN) * 16.8))
    lines = 1 + caption.count("\n")
    key = _Key([setting.title for setting in settings], style.WIDTH - left - RIGHT)
    effects_legend = key.height
    heads = [_head(setting, side * n) for setting in settings]
    above = max(0.1 + 0.16 * (1 + title.count("\n")) + NOTE * (1 + note.count("\n")) for title, note in heads)
    heights = {
        "bars": BAR * len(bars),
        "effects": max(TASK, 0.06 + 0.07 * len(settings)) * n,
        "matrices": rows * (above + side * n) + (rows - 1) * 0.06,
    }
    height = (
        TOP
        + heights["bars"]
        + TICKS
        + LEGEND
        + HEADING
        + effects_legend
        + heights["effects"]
        + TICKS
        + HEADING
        + heights["matrices"]
        + below
        + 0.25
        + 0.62
        + 0.15 * lines
    )
    figure = style.new_figure(style.WIDTH, height)

    def add(x: float, y: float, wide: float, tall: float) -> Axes:
        return figure.add_axes((x / style.WIDTH, (height - y - tall) / height, wide / style.WIDTH, tall / height))

    def head(y: float, text: str) -> None:
        place = MARGIN / style.WIDTH, 1 - y / height
        figure.text(*place, text, fontsize=9.5, fontweight="bold", va="bottom", ha="left")

    title = " · ".join(["rows, columns and pairs", *style.common_parts(_matrices(interference))])
    figure.text(MARGIN / style.WIDTH, 1 - 0.18 / height, title, fontsize=11, fontweight="bold", va="center")
    y = TOP
    head(y - 0.08, "shares of the variance between single networks")
    axes = add(indent, y, style.WIDTH - indent - RIGHT, heights["bars"])
    _draw_bars(axes, bars, labels)
    y += heights["bars"] + TICKS
    if any(math.isfinite(setting.of[quantity].shares["pair"].value) for setting, quantity in bars):
        x = min(indent, style.WIDTH - 4.3 - 1.9 * len(_intervals(settings)))
        _bar_legend(figure, settings, (x / style.WIDTH, 1 - (y - 0.1) / height))
    y += LEGEND + HEADING + effects_legend
    head(y - effects_legend - 0.08, "effect of each task on interference")
    wide = (style.WIDTH - left - RIGHT - GAP) / 2
    pair = [add(left + k * (wide + GAP), y, wide, heights["effects"]) for k in (0, 1)]
    _draw_effects(pair, settings, tasks, names)
    if effects_legend:
        _effects_legend(figure, key, left / style.WIDTH, 1 - (y - 0.05) / height)
    y += heights["effects"] + TICKS + HEADING
    head(y - 0.26, "effect of each pair on interference: what rows and columns do not explain")
    colours = scales.difference_colours([e for setting in settings for e in setting.of["interference"].pairs["effect"]])
    for index, setting in enumerate(settings):
        row, column = divmod(index, columns)
        x = left + column * (side * n + 0.25)
        panel = add(x, y + above + row * (above + side * n + 0.06), side * n, side * n)
        _draw_pairs(panel, setting, tasks, colours, side)
        _title_pairs(panel, *heads[index])
        last = index + columns >= len(settings)
        _name(panel, names, min(size, 72 * side * 0.85), is_first=column == 0, is_last=last)
    y += heights["matrices"] + below + 0.2
    _colour_bar(figure, (left / style.WIDTH, 1 - (y + 0.1) / height, 3.2 / style.WIDTH, 0.13 / height), colours)
    figure.text(MARGIN / style.WIDTH, 0.08 / height, caption, fontsize=7.5, color=style.MUTED, va="bottom")
    return figure


def _matrices(interference: pd.DataFrame) -> list[dict[str, Any]]:
    known = in_context(interference)[MATRIX].drop_duplicates()
    return known.to_dict("records")  # type: ignore[return-value]


def _n_columns(n_tasks: int, n_settings: int, room: float) -> int:
    """Number of matrices side by side: as many as leave space for numbers, or for entries of 0.13 inches."""
    for least in (NUMBERED + 0.06, 0.13):
        fitting = [c for c in range(1, min(4, n_settings) + 1) if (room - (c - 1) * 0.25) / (c * n_tasks) >= least]
        if fitting and (fitting[-1] > 1 or n_settings == 1):
            return math.ceil(n_settings / math.ceil(n_settings / fitting[-1]))
    return 1


def _bar_label(setting: Setting, quantity: str, settings: Sequence[Setting]) -> str:
    name = "skill lost" if quantity == "skill_lost" else quantity
    return f"{setting.title} · {name}" if len(settings) > 1 else name


def _draw_bars(axes: Axes, bars: Sequence[tuple[Setting, str]], labels: Sequence[str]) -> None:
    for y, (setting, quantity) in enumerate(bars):
        one = setting.of[quantity]
        if not all(math.isfinite(one.shares[term].value) for term in ORDER):
            known = f"rows and columns explain {100 * one.additive_r2:.0f} % between pairs"
            text = "shares need several seeds" + (f"; {known}" if math.isfinite(one.additive_r2) else "")
            axes.text(0.01, y, text, fontsize=8, va="center", color=style.MUTED)
            continue
        start = 0.0
        for term in ORDER:
            value = one.shares[term].value
            bar = axes.barh(y, value, left=start, height=0.52, color=COLOURS[term], linewidth=0, zorder=2)
            bar[0].set_gid(f"{term}:{y}")
            if value >= 0.06:
                number = axes.text(start + value / 2, y - 0.01, f"{100 * value:.0f} %", fontsize=7.5, zorder=5)
                number.set(ha="center", va="center", color=style.INK)
            start += value
        share = one.shares["pair"]
        error_bars.draw(axes, y - BESIDE, share.low, share.high, error_bars.SEEDS, "x")
        error_bars.draw(axes, y + BESIDE, share.low_tasks, share.high_tasks, error_bars.TASKS, "x")
    axes.set(xlim=(-0.004, 1.004), ylim=(len(bars) - 0.4, -0.6))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_yticks(range(len(bars)), labels)
    style.quiet(axes)


def _intervals(settings: Sequence[Setting]) -> list[str]:
    """The kinds of intervals that the shares of the pairs have."""
    shares = [one.shares["pair"] for setting in settings for one in setting.of.values()]
    ends = {error_bars.SEEDS: [share.low for share in shares], error_bars.TASKS: [share.low_tasks for share in shares]}
    return [kind for kind, lows in ends.items() if any(map(math.isfinite, lows))]


def _bar_legend(figure: Figure, settings: Sequence[Setting], corner: tuple[float, float]) -> None:
    handles: list[Patch | Line2D] = [Patch(color=COLOURS[term], label=MEANINGS[term]) for term in ORDER]
    handles += [error_bars.handle(kind, f"pair: interval {kind}") for kind in _intervals(settings)]
    look = LEGEND_LOOK | {"handlelength": 1.8}
    figure.legend(handles=handles, loc="center left", bbox_to_anchor=corner, ncols=len(handles), **look)


def _draw_effects(panels: Sequence[Axes], settings: Sequence[Setting], tasks: Sequence[str], names: list[str]) -> None:
    colours = style.colours_of_g([float(k) for k in range(len(settings))])
    n = len(settings)
    for axes, kind in zip(panels, ("rows", "columns"), strict=True):
        axes.axvline(0, color="#c4c4c4", linewidth=0.8, zorder=0)
        for k, (setting, colour) in enumerate(zip(settings, colours, strict=True)):
            effects: dict[str, Bounded] = getattr(setting.of["interference"], kind)
            places = [tasks.index(task) + 0.6 * ((k + 0.5) / n - 0.5) for task in effects]
            values = list(effects.values())
            lows, highs = [one.low for one in values], [one.high for one in values]
            axes.hlines(places, lows, highs, color=colour, linewidth=1.1, zorder=2)
            axes.plot([one.value for one in values], places, "o", color=colour, markersize=3.6, gid=f"{kind}:{k}")
        axes.set_ylim(len(tasks) - 0.5, -0.5)
        axes.set_yticks(range(len(tasks)), names if kind == "rows" else [])
        axes.set_xlabel("as A (row)" if kind == "rows" else "as B (column)", labelpad=2)
        for edge in np.arange(0.5, len(tasks) - 1):
            axes.axhline(edge, color="#ededed", linewidth=0.6, zorder=0)
        style.quiet(axes)
    # One scale for both, so that their sizes can be compared.
    ends = [end for axes in panels for end in axes.get_xlim()]
    low, high = min(ends), max(ends)
    marks = [float(f"{mark:.6g}") for mark in MaxNLocator(6).tick_values(low, high) if low <= mark <= high]
    for axes in panels:
        axes.set_xlim(low, high)
        axes.set_xticks(marks, [scales.plain(mark) for mark in marks])


class _Key:
    """The titles of the settings in rows, as the legend of the effects.

    Args:
        titles: the titles; a single one needs no legend.
        room: the width in inches.
    """

    def __init__(self, titles: list[str], room: float) -> None:
        self.titles = titles
        widest = 0.5 + style.text_width(style.new_figure(1, 1), titles, 8)
        self.columns = min(len(titles), max(1, int(room / widest)))
        self.rows = math.ceil(len(titles) / self.columns)
        self.height = 0.08 + 0.18 * self.rows if len(titles) > 1 else 0.0


def _effects_legend(figure: Figure, key: _Key, x: float, y: float) -> None:
    colours = style.colours_of_g([float(k) for k in range(len(key.titles))])
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=3.6, linewidth=1.1, label=title)
        for title, colour in zip(key.titles, colours, strict=True)
    ]
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(x, y),
        ncols=key.columns,
        labelspacing=0.35,
        **LEGEND_LOOK,
    )


def _draw_pairs(
    axes: Axes, setting: Setting, tasks: Sequence[str], colours: tuple[Colormap, Normalize], side: float
) -> None:
    pairs = setting.of["interference"].pairs
    effects = np.full((len(tasks), len(tasks)), np.nan)
    for first, second, effect in zip(pairs["first_task"], pairs["second_task"], pairs["effect"], strict=True):
        row, column = tasks.index(first), tasks.index(second)
        effects[row, column] = effect
        if side >= NUMBERED and math.isfinite(effect):
            text = axes.text(column + 0.5, row + 0.5, style.number(effect), ha="center", va="center", zorder=3)
            text.set(fontsize=min(8.0, 72 * side * 0.27), color=style.INK)
    axes.set_facecolor(style.PALE)
    ramp, scale = colours
    mesh = axes.pcolormesh(np.ma.masked_invalid(effects), cmap=ramp, norm=scale, edgecolors="white", linewidth=0.4)
    mesh.set_gid("pairs")
    axes.set(xlim=(0, len(tasks)), ylim=(len(tasks), 0))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _head(setting: Setting, width: float) -> tuple[str, str]:
    """The title of a matrix, and a note below it: how much rows and columns explain, and how well sizes predict."""
    one = setting.of["interference"]
    numbers = {"additive R²": one.additive_r2, "ρ": one.prediction_rank}
    known = [f"{name} {style.number(value)}" for name, value in numbers.items() if math.isfinite(value)]
    return style.wrapped(setting.title.split(" · "), width, 9), style.wrapped(known, width, 7)


def _title_pairs(axes: Axes, title: str, note: str) -> None:
    axes.set_title(title, loc="left", pad=4 + 72 * NOTE * (1 + note.count("\n")), fontsize=9)
    small = axes.annotate(note, (0, 1), (0, 4), "axes fraction", "offset points", fontsize=7)
    small.set(color=style.MUTED, gid="note")


def _name(axes: Axes, names: list[str], size: float, is_first: bool, is_last: bool) -> None:
    places = [index + 0.5 for index in range(len(names))]
    axes.set_xticks(places, names if is_last else [""] * len(names), rotation=90, fontsize=size)
    axes.set_yticks(places, names if is_first else [""] * len(names), fontsize=size)
    axes.tick_params(length=0, pad=3)
    axes.set_xlabel("then trained on (B)" if is_last else "", labelpad=3)


def _colour_bar(figure: Figure, box: tuple[float, float, float, float], colours: tuple[Colormap, Normalize]) -> None:
    axes = figure.add_axes(box)
    ramp, scale = colours
    bar = figure.colorbar(ScalarMappable(scale, ramp), cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    marks = scales.difference_ticks(scale)
    bar.set_ticks(marks, labels=[scales.plain(mark) for mark in marks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(length=2.5, width=0.6, pad=2, labelsize=8)
    bar.set_label("effect of the pair on interference", fontsize=8.5, labelpad=2)


def _caption(settings: Sequence[Setting], interference: pd.DataFrame) -> str:
    ones = [setting.of["interference"] for setting in settings]
    known = any(math.isfinite(row.low) for one in ones for row in one.rows.values())
    over = "bars are 95 % intervals over seeds" if known else "fewer than five seeds, so no interval"
    shares = ""
    if any(math.isfinite(one.shares["pair"].value) for one in ones):
        kinds = " and ".join(_intervals(settings))
        shares = " Shares: unbiased variance components between single networks; "
        shares += (
            f"95 % intervals {kinds}, from jackknife pseudo-values."
            if kinds
            else "too few seeds and tasks for intervals."
        )
    predicted = any(math.isfinite(one.prediction_rank) for one in ones)
    rank = (
        " ρ: rank correlation of pair means with 1 + L0(B)/L0(A), where L0 is the untrained loss." if predicted else ""
    )
    return (
        f"Least-squares fit of I(A, B) = mean + row(A) + column(B) + pair(A, B) ({idle_outputs(interference)}) to the "
        f"means over seeds of the networks that count.{shares} Effects of tasks: {over}. Additive R²: share of the "
        f"variance between pair means that rows and columns explain.{rank} "
        "Grey: A, then more of A, or no network counts."
    )
