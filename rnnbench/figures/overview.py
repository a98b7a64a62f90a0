"""Overview of interference in different kinds of networks: architectures, learning rules and conditions."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.figures import scales, style, summary
from rnnbench.results.interference import counts, idle_outputs, in_context, over_seeds

TOP, ROW, BOTTOM = 0.5, 0.36, 0.85  # inches
LEFT, COUNTS, GAP = 0.3, 0.5, 0.25
KIND = [*summary.GROUP, "g"]


def interference_overview(interference: pd.DataFrame, rng: np.random.Generator | None = None) -> Figure:
    """Draw one row for each (architecture, rule, units, condition, g), with its mean interference over pairs of tasks.

    The bold mark is the mean over all pairs of different tasks, with its 95 % interval over seeds if there are five or
    more; pairs are averaged within a seed first. Small dots above it are the seeds, coloured marks below it the first
    tasks. The grey mark is the drift control (A, then more of A). On the right is how many networks count.

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
    interference = in_context(interference.reset_index(drop=True))
    same = interference["first_task"] == interference["second_task"]
    different = interference[~same]
    pairs, control = over_seeds(different, KIND, rng), over_seeds(interference[same], KIND, rng)
    if pairs.empty:
        return style.nothing("no pairs of different tasks")
    by_task, by_seed = (over_seeds(different, [*KIND, name], rng) for name in ("first_task", "seed"))
    looks = style.looks_of_tasks(summary.task_order(interference))
    titles = _titles(pairs)
    kinds = pairs[KIND].to_dict("records")
    heading = " · ".join(["interference", *(style.common_parts(kinds) if len(kinds) > 1 else [])])  # type: ignore[arg-type]
    known = bool(pairs["low"].notna().any())
    ends = scales.limits([pairs[["mean", "low", "high"]], control["mean"], by_task["mean"], by_seed["mean"]])
    with style.look("ticks"):
        figure, axes = _canvas(heading, titles, list(looks), _caption(interference, known))
        heights = {_key(row): y for y, row in enumerate(pairs.to_dict("records"))}
        for row in by_task.to_dict("records"):
            colour, marker = looks[str(row["first_task"])]
            _dot(axes, row["mean"], heights[_key(row)] + 0.2, color=colour, marker=marker, markersize=4)
        for row in by_seed.to_dict("records"):
            _dot(axes, row["mean"], heights[_key(row)] - 0.3, marker="o", gid="seed", **_seed_look(known))
        for row in control.to_dict("records"):
            if _key(row) in heights:
                _dot(axes, row["mean"], heights[_key(row)] - 0.02, color="#8a8a8a", marker="x", markersize=4)
        for y, row in enumerate(pairs.to_dict("records")):
            axes.hlines(y - 0.08, row["low"], row["high"], color=style.INK, linewidth=1.4)
            _dot(axes, row["mean"], y - 0.08, color=style.INK, marker="o", markersize=5.5, gid="mean")
        _finish(axes, titles, ends, _counted(different, heights))
        _legend(axes, looks, known)
    return figure


def _key(row: dict[Any, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KIND)


def _titles(pairs: pd.DataFrame) -> list[str]:
    """The title of each row: the parts in which the rows differ."""
    titles = style.varied_titles(pairs[KIND].to_dict("records"))  # type: ignore[arg-type]
    return titles if any(titles) else [str(name) for name in pairs["architecture"]]


def _counted(different: pd.DataFrame, heights: dict[tuple[str, ...], int]) -> list[str]:
    """How many of the networks of each row count, e.g. "29/30"."""
    texts = [""] * len(heights)
    for names, counted in counts(different).groupby([different[name] for name in KIND], dropna=False, sort=False):
        key = _key(dict(zip(KIND, names, strict=True)))
        texts[heights[key]] = f"{int(counted.sum())}/{len(counted)}"
    return texts


def _canvas(heading: str, titles: Sequence[str], tasks: Sequence[str], caption: str) -> tuple[Figure, Axes]:
    measure = style.new_figure(1, 1)
    left = LEFT + style.text_width(measure, titles, 8.5)
    names = [*_mean_label(True).split("\n"), *(_task(task) for task in tasks)]
    right = COUNTS + GAP + 0.6 + style.text_width(measure, names, 8.5)
    # The legend of many tasks may be taller than the rows.
    tall = max(ROW * len(titles), 0.2 * (len(tasks) + 6))
    width = max(style.WIDTH * 0.8, left + right + 3)
    text = textwrap.fill(caption, int((width - 0.3) * 15.5))
    bottom = BOTTOM + 0.15 * text.count("\n")
    height = TOP + tall + bottom
    figure = style.new_figure(width, height)
    box = (left / width, bottom / height, (width - left - right) / width, tall / height)
    figure.text(0.1 / width, 1 - 0.2 / height, heading, fontsize=11, weight="bold", va="center")
    figure.text(0.1 / width, 0.1 / height, text, fontsize=8, color=style.MUTED, va="bottom")
    return figure, figure.add_axes(box)


def _caption(interference: pd.DataFrame, known: bool) -> str:
    interval = (
        "bars: 95 % interval over seeds (studentised bootstrap)" if known else "fewer than five seeds: no interval"
    )
    return (
        f"{idle_outputs(interference)}; mean over pairs of different tasks, then seeds; {interval}; {scales.SCALE}; "
        "k/n: k of the n networks learnt A and have finite losses, the others are left out, so that rows may be over "
        "different networks (comparisons.csv: over the same)"
    )


def _seed_look(known: bool) -> dict[str, Any]:
    return {"color": style.INK, "markersize": 2.0 if known else 2.6, "alpha": 0.45 if known else 0.7}


def _dot(axes: Axes, value: float, y: float, **look: Any) -> None:
    if np.isfinite(value):
        axes.plot([value], [y], linestyle="none", clip_on=False, **look)


def _finish(axes: Axes, titles: Sequence[str], ends: tuple[float, float], counted: Sequence[str]) -> None:
    scales.interference_axis(axes, ends, style.size_of(axes)[0], "x")
    axes.set_ylim(len(titles) - 0.5, -0.5)
    axes.set_yticks(range(len(titles)), labels=titles)
    for level in (0.0, 1.0):
        axes.axvline(level, color="#c4c4c4", linewidth=0.8, zorder=0)
    axes.set_xlabel("interference I(A ← B):  0 nothing lost, 1 as bad as untrained")
    style.quiet(axes)
    for y, text in enumerate(counted):
        number = axes.annotate(text, (1, y), (5, 0), axes.get_yaxis_transform(), "offset points", va="center")
        number.set(fontsize=7.5, color=style.MUTED, gid="counted")


def _mean_label(known: bool) -> str:
    return "mean,\n95 % interval over seeds" if known else "mean"


def _legend(axes: Axes, looks: dict[str, tuple[style.Rgb, str]], known: bool) -> None:
    line = 1.4 if known else 0.0
    handles = [
        Line2D([], [], color=style.INK, marker="o", markersize=5.5, linewidth=line, label=_mean_label(known)),
        Line2D([], [], marker="o", linestyle="none", label="seeds", **_seed_look(known)),
        Line2D([], [], color="#8a8a8a", marker="x", markersize=4, linestyle="none", label="A, then more of A"),
        Line2D([], [], linestyle="none", label="first task (A):"),
    ]
    handles += [
        Line2D([], [], color=colour, marker=marker, markersize=4, linestyle="none", label=_task(task))
        for task, (colour, marker) in looks.items()
    ]
    beside = (COUNTS + GAP) / style.size_of(axes)[0]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1 + beside, 1), frameon=False, handlelength=1.4)


def _task(name: str) -> str:
    return style.pretty(name, 24)
