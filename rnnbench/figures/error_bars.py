"""The two 95 % intervals of a number: over seeds a solid dark line, over tasks a dashed grey line beside it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rnnbench.figures import style

SEEDS, TASKS = "over seeds", "over tasks"
LOOKS: dict[str, dict[str, Any]] = {
    SEEDS: {"color": style.INK, "linewidth": 1.3, "linestyle": "-"},
    TASKS: {"color": "#8f8f8f", "linewidth": 1.0, "linestyle": (0, (2.6, 1.6))},
}
CAP = 4.5  # length of the lines across the ends, in points
MEDIAN: dict[str, Any] = {"marker": "D", "markersize": 3.2, "markerfacecolor": "white", "markeredgecolor": style.INK}
MEDIAN |= {"markeredgewidth": 0.8, "linestyle": "none"}


def draw(
    axes: Axes, places: npt.ArrayLike, lows: npt.ArrayLike, highs: npt.ArrayLike, kind: str, along: str = "y"
) -> None:
    """Draw intervals as lines with caps; an interval that is not finite is left out.

    Args:
        axes: the axes.
        places: positions of the intervals on the other axis [interval].
        lows: lower ends [interval].
        highs: upper ends [interval].
        kind: SEEDS or TASKS; also the gid of the lines.
        along: the axis of the number, "x" or "y".
    """
    at, low, high = (np.atleast_1d(np.asarray(each, dtype=float)) for each in (places, lows, highs))
    known = np.isfinite(low) & np.isfinite(high)
    at, low, high, look = at[known], low[known], high[known], LOOKS[kind]
    if not len(at):
        return
    lines = axes.vlines if along == "y" else axes.hlines
    lines(at, low, high, zorder=5, gid=kind, **look)
    ends = np.concatenate([low, high])
    xy = (np.tile(at, 2), ends) if along == "y" else (ends, np.tile(at, 2))
    caps = axes.plot(*xy, "_" if along == "y" else "|", color=look["color"], markersize=CAP, zorder=5)
    caps[0].set_markeredgewidth(look["linewidth"])


def kinds_in(tables: Iterable[pd.DataFrame]) -> list[str]:
    """The kinds of intervals in tables with the columns low and low_tasks."""
    known = list(tables)
    ends = {SEEDS: "low", TASKS: "low_tasks"}
    return [kind for kind, end in ends.items() if any(bool(table[end].notna().any()) for table in known)]


def handle(kind: str, label: str) -> Line2D:
    """The entry of a legend for one kind of interval."""
    return Line2D([], [], label=label, **LOOKS[kind])


def caption(kinds: Sequence[str]) -> str:
    """Say what the intervals in a figure are, and why one is missing.

    Args:
        kinds: the kinds that are drawn.
    """
    if not kinds:
        return "No 95 % intervals: they need five seeds or five tasks."
    said = {
        SEEDS: "solid, over seeds (how well the mean of these tasks is known)",
        TASKS: "dashed, over tasks (how well that of all tasks of this kind is known)",
    }
    missing = [name for kind, name in ((SEEDS, "seeds"), (TASKS, "tasks")) if kind not in kinds]
    why = f"; fewer than five {missing[0]}, so none over {missing[0]}" if missing else ""
    return f"95 % intervals: {'; '.join(said[kind] for kind in kinds)}{why}."
