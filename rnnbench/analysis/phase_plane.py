"""Figure of the phase plane of trained networks: flow, trajectories of the trials of A and B, and fixed points."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnbench.analysis.plane import Portrait
from rnnbench.figures import style

SIDE = 3.1  # inches, of a panel
LEFT, GAP, RIGHT = 0.75, 0.35, 0.2
TITLE, BOTTOM, LINE = 0.34, 0.45, 0.17
STREAM = "#bdbdbd"
IN_PLANE = 0.5
"""A fixed point is drawn only if at most this fraction of its squared distance from the origin is outside the plane."""


@dataclass(frozen=True)
class Panel:
    """One panel of the figure.

    Attributes:
        title: a few words above the panel.
        portrait: flow, trajectories and fixed points of one network.
    """

    title: str
    portrait: Portrait


def phase_plane(
    panels: Sequence[Panel],
    columns: int = 2,
    axes: tuple[str, str] = ("along A's state", "along B's state, across A's"),
    heading: str = "where A's input leads, before and after B is learnt",
    flow: str = "the last input of A's first trial",
) -> Figure:
    """Draw a panel for each portrait, row by row, all with the same scale.

    Grey lines are the flow under a constant input. Coloured lines are the trials of A (solid) and B (dashed) under
    their own inputs, from a small dot to a large one. Discs are stable fixed points of the flow, and rings are unstable
    ones.

    Args:
        panels: title and portrait of each network, for example after A and after B.
        columns: number of panels in a row.
        axes: names of the two coordinates, whose unit is a unit's state (root mean square).
        heading: title of the figure.
        flow: the constant input under which the flow was computed, in words.

    Returns:
        The figure, which is not saved. Without panels it contains only a sentence that says so.
    """
    if not panels:
        return style.nothing("no network to draw")
    reach = max(float(np.abs(panel.portrait.flow.x).max()) for panel in panels)
    hidden = sum(int(np.sum(panel.portrait.off_plane > IN_PLANE)) for panel in panels)
    columns = min(columns, len(panels))
    texts = _Texts(columns, heading, flow, hidden)
    with style.look("ticks"):
        figure, grid = _grid(len(panels), columns, texts)
        for position, (panel, axis) in enumerate(zip(panels, grid, strict=True)):
            _draw(axis, panel, reach)
            _label(axis, axes, is_first=position % columns == 0, is_last=position + columns >= len(panels))
        _add_texts(figure, texts)
    return figure


class _Texts:
    """Heading, legend and caption of a figure with a given number of columns, and their heights (inches)."""

    def __init__(self, columns: int, heading: str, flow: str, hidden: int) -> None:
        self.width = LEFT + columns * SIDE + (columns - 1) * GAP + RIGHT
        room = self.width - LEFT
        self.heading = textwrap.fill(style.literal(heading), int(10.5 * room))
        caption = f"Coordinates: root mean square of a unit's state. Flow and fixed points under {flow}."
        if hidden:
            caption += f" Not drawn: {hidden} fixed points that lie mostly outside the plane."
        self.caption = textwrap.fill(style.literal(caption), int(16.5 * room))
        self.legend_columns = 6 if columns > 1 else 2
        self.top = 0.16 + 0.19 * (1 + self.heading.count("\n"))
        self.caption_height = 0.1 + 0.14 * (1 + self.caption.count("\n"))
        self.bottom = self.caption_height + LINE * 6 / self.legend_columns + BOTTOM


def _grid(n_panels: int, columns: int, texts: _Texts) -> tuple[Figure, list[Axes]]:
    """An empty figure, and its axes row by row."""
    width = texts.width
    height = texts.top + math.ceil(n_panels / columns) * (TITLE + SIDE) + texts.bottom
    figure = style.new_figure(width, height)
    positions = [(i % columns, i // columns) for i in range(n_panels)]
    corners = [(LEFT + x * (SIDE + GAP), height - texts.top - (y + 1) * (TITLE + SIDE)) for x, y in positions]
    return figure, [figure.add_axes((x / width, y / height, SIDE / width, SIDE / height)) for x, y in corners]


def _draw(axes: Axes, panel: Panel, reach: float) -> None:
    drawn = panel.portrait
    flow = drawn.flow
    if np.isfinite(flow.velocity).all() and flow.speed.any():
        u, v = flow.velocity[..., 0], flow.velocity[..., 1]
        lines = axes.streamplot(flow.x, flow.y, u, v, density=0.9, color=STREAM, linewidth=0.7, arrowsize=0.7, zorder=1)
        lines.arrows.set_zorder(1)
    for level in (axes.axhline, axes.axvline):
        level(0, color="#e4e4e4", linewidth=0.8, zorder=0)
    for name, paths in (("A", drawn.first), ("B", drawn.second)):
        look = _path_look(name)
        for trial in range(paths.shape[1]):
            path = paths[:, trial]
            axes.plot(path[:, 0], path[:, 1], zorder=3, gid=f"path:{name}", **look)
            axes.plot(*path[0], ".", color=look["color"], markersize=3, zorder=3)
            axes.plot(*path[-1], "o", zorder=4, **_end_look(look["color"]))
    for point, stable, off in zip(drawn.points, drawn.stable, drawn.off_plane, strict=True):
        if off <= IN_PLANE:
            axes.plot(*point, zorder=5, gid="stable" if stable else "unstable", **_point_look(bool(stable)))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_title(style.literal(panel.title), loc="left", pad=4)


def _path_look(name: str) -> dict[str, Any]:
    colour = style.looks_of_tasks(["A", "B"])[name][0]
    return {"color": colour, "linewidth": 1.6, "linestyle": "-" if name == "A" else (0, (4, 1.6))}


def _point_look(stable: bool) -> dict[str, Any]:
    face = style.INK if stable else "white"
    return {"marker": "o", "markersize": 4.6, "color": face, "markeredgecolor": style.INK, "linestyle": "none"}


def _label(axes: Axes, names: tuple[str, str], is_first: bool, is_last: bool) -> None:
    style.quiet(axes)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, prune="both"))  # two labels would overlap in the corner
    axes.tick_params(labelleft=is_first, labelbottom=is_last)
    if is_last:
        axes.set_xlabel(style.literal(names[0]), labelpad=2)
    if is_first:
        axes.set_ylabel(style.literal(names[1]), labelpad=2)


def _add_texts(figure: Figure, texts: _Texts) -> None:
    width, height = figure.get_size_inches()
    left = LEFT / width
    figure.text(left, 1 - 0.12 / height, texts.heading, fontsize=11, fontweight="bold", va="top")
    handles = [Line2D([], [], label=f"{name}'s trials", **_path_look(name)) for name in ("A", "B")]
    handles += [Line2D([], [], label="end of a trial", marker="o", linestyle="none", **_end_look(style.MUTED))]
    handles += [Line2D([], [], label="stable fixed point", **_point_look(True))]
    handles += [Line2D([], [], label="unstable", **_point_look(False))]
    handles += [Line2D([], [], color=STREAM, linewidth=0.9, label="flow")]
    corner = left, (texts.caption_height + 0.06) / height
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=corner, ncols=texts.legend_columns, frameon=False,
        borderaxespad=0, borderpad=0, handletextpad=0.5, columnspacing=1.4, labelspacing=0.25,
    )  # fmt: skip
    figure.text(left, 0.08 / height, texts.caption, fontsize=7.5, color=style.MUTED, va="bottom")


def _end_look(colour: Any) -> dict[str, Any]:
    return {"color": colour, "markersize": 8.5, "alpha": 0.55, "markeredgewidth": 0}
