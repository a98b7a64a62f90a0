"""Overview of interference in different kinds of networks: architectures, learning rules and conditions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.figures import style, summary
from rnnbench.results.interference import over_seeds

TOP, ROW, BOTTOM = 0.55, 0.34, 0.9  # inches
LEFT = 0.3
MEAN = "mean, 95 % interval"
CEILING = 4.0
KIND = [*summary.GROUP, "g"]


def interference_overview(interference: pd.DataFrame, rng: np.random.Generator | None = None) -> Figure:
    """Draw one row for each (architecture, rule, units, condition, g), with its mean interference over pairs of tasks.

    The bold mark is the mean over all pairs of different tasks with its 95 % interval over seeds, if there are five or
    more; pairs are averaged within a seed first. Coloured marks are the first tasks. The grey mark is the drift control
    (A, then more of A).

    Args:
        interference: the interference table.
        rng: draws the bootstrap resamples; by default `np.random.default_rng(0)`.

    Returns:
        The figure, not saved.

    Raises:
        ValueError: a column is missing.
    """
    summary.require_columns(interference, summary.INTERFERENCE_COLUMNS, "interference")
    rng = np.random.default_rng(0) if rng is None else rng
    interference = interference.reset_index(drop=True)
    same = interference["first_task"] == interference["second_task"]
    pairs, control = over_seeds(interference[~same], KIND, rng), over_seeds(interference[same], KIND, rng)
    if pairs.empty:
        return style.nothing("no pairs of different tasks")
    by_task = over_seeds(interference[~same], [*KIND, "first_task"], rng)
    looks = style.looks_of_tasks(summary.task_order(interference))
    titles = _titles(pairs)
    with style.look("ticks"):
        figure, axes = _canvas(titles, list(looks))
        heights = {_key(row): y for y, row in enumerate(pairs.to_dict("records"))}
        for row in by_task.to_dict("records"):
            colour, marker = looks[str(row["first_task"])]
            _dot(axes, row["mean"], heights[_key(row)] + 0.18, color=colour, marker=marker, markersize=4)
        for row in control.to_dict("records"):
            if _key(row) in heights:
                _dot(axes, row["mean"], heights[_key(row)] - 0.02, color="#8a8a8a", marker="x", markersize=4)
        for y, row in enumerate(pairs.to_dict("records")):
            axes.hlines(y - 0.1, row["low"], row["high"], color=style.INK, linewidth=1.4)
            _dot(axes, row["mean"], y - 0.1, color=style.INK, marker="o", markersize=5.5, gid="mean")
        _finish(axes, titles)
        _legend(axes, looks)
    return figure


def _key(row: dict[Any, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KIND)


def _titles(pairs: pd.DataFrame) -> list[str]:
    """The title of each row: the parts in which the rows differ."""
    parts = [
        [*style.group_parts((a, r, n, c, e)), "" if pd.isna(g) else f"g = {g:g}"]
        for a, r, n, c, e, g in pairs[KIND].itertuples(index=False, name=None)
    ]
    varying = [k for k in range(len(parts[0])) if len({row[k] for row in parts}) > 1] or [0]
    return [" · ".join(row[k] for k in varying if row[k]) for row in parts]


def _canvas(titles: Sequence[str], tasks: Sequence[str]) -> tuple[Figure, Axes]:
    measure = style.new_figure(1, 1)
    left = LEFT + style.text_width(measure, titles, 8.5)
    right = 0.85 + style.text_width(measure, [MEAN, *(_task(task) for task in tasks)], 8.5)
    # The legend of many tasks may be taller than the rows.
    tall = max(ROW * len(titles), 0.19 * (len(tasks) + 4))
    height = TOP + tall + BOTTOM
    width = max(style.WIDTH * 0.75, left + right + 3)
    figure = style.new_figure(width, height)
    box = (left / width, BOTTOM / height, (width - left - right) / width, tall / height)
    figure.text(left / width, 1 - 0.25 / height, "interference", fontsize=10.5, weight="bold", va="center")
    caption = "mean over pairs of different tasks, then seeds; networks that did not learn A are left out"
    figure.text(0.1 / width, 0.18 / height, caption, fontsize=8, color=style.MUTED, va="center")
    return figure, figure.add_axes(box)


def _dot(axes: Axes, value: float, y: float, **look: Any) -> None:
    """Draw a mark at a value; a value beyond the ceiling is drawn at the edge with its number."""
    if not np.isfinite(value):
        return
    axes.plot([min(value, CEILING)], [y], linestyle="none", clip_on=False, **look)
    if value > CEILING:
        axes.annotate(
            style.number(value),
            (CEILING, y),
            xytext=(5, 0),
            textcoords="offset points",
            fontsize=7,
            va="center",
            color=look["color"],
        )


def _finish(axes: Axes, titles: Sequence[str]) -> None:
    low = min([0.0, *(float(x) for line in axes.lines for x in np.atleast_1d(line.get_xdata()))])
    high = max([1.0, *(float(x) for line in axes.lines for x in np.atleast_1d(line.get_xdata()))])
    axes.set_xlim(max(low - 0.12, -1.0), min(high * 1.04, CEILING))
    axes.set_ylim(len(titles) - 0.5, -0.5)
    axes.set_yticks(range(len(titles)), labels=titles)
    for level in (0.0, 1.0):
        axes.axvline(level, color="#c4c4c4", linewidth=0.8, zorder=0)
    axes.set_xlabel("interference I(A ← B):  0 nothing lost, 1 as bad as untrained")
    style.quiet(axes)


def _legend(axes: Axes, looks: dict[str, tuple[style.Rgb, str]]) -> None:
    handles = [
        Line2D([], [], color=style.INK, marker="o", markersize=5.5, linewidth=1.4, label=MEAN),
        Line2D([], [], color="#8a8a8a", marker="x", markersize=4, linestyle="none", label="A, then more of A"),
        Line2D([], [], linestyle="none", label="first task (A):"),
    ]
    handles += [
        Line2D([], [], color=colour, marker=marker, markersize=4, linestyle="none", label=_task(task))
        for task, (colour, marker) in looks.items()
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.06, 1.02), frameon=False, handlelength=1.4)


def _task(name: str) -> str:
    return style.pretty(name, 24)
