"""Figure of the loss on A while B is learnt, for every ordered pair of tasks."""

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

from rnnbench.figures import scales, style, summary
from rnnbench.results.interference import idle_outputs

LEFT_LABELS = 0.62  # inches for axis label and tick labels
GAP = 0.1
TOP = 0.66
MARGIN = 0.45  # left of legend and caption
LARGEST, SMALLEST = 2.4, 0.75  # width of a panel in inches
ASPECT = 0.82
DRAWN = ["g", "network", "update", "first", "second", "converged", "counted"]
SECOND, DASHES = "#8a8a8a", (0, (3, 2))  # look of the loss on the second task
WITH_LINES = 12  # with more tasks than this a panel is too small for single networks


@dataclass(frozen=True)
class Look:
    """What all panels share.

    Attributes:
        colours: colour of each g.
        low: lower end of the y axis.
        high: upper end of the y axis.
        idle: what happened to idle outputs, if y is interference; empty if y is a ratio of losses.
        single_networks: whether single networks are drawn.
    """

    colours: dict[float, style.Rgb]
    low: float
    high: float
    idle: str
    single_networks: bool

    @property
    def is_interference(self) -> bool:
        """Whether y is interference; otherwise it is a ratio of losses."""
        return self.idle != ""

    def marked(self) -> tuple[float, ...]:
        """The values of y at which a line is drawn: nothing lost and, for interference, as bad as untrained."""
        return (0.0, 1.0) if self.is_interference else (1.0,)


def curves_of_pairs(curves: pd.DataFrame, interference: pd.DataFrame | None = None) -> Figure:
    """Draw the loss on A against updates on B: rows are first tasks, columns are second tasks, and colour is g.

    Thin lines are networks, and the bold line is their mean at each g; in the mean a network that stopped keeps
    its last value. The dashed grey line is the loss on B relative to its first value: one mean over the networks of all
    g, since a line for each g would hide the curves. Networks that do not count (see
    `rnnbench.results.interference.counts`) are left out, and the panel says how many count.

    Args:
        curves: the curves table of one architecture, rule and units.
        interference: the interference table, which must include the same networks. With it y is the interference
            as a curve, (L_A(t) - L_A(0)) / (L_A untrained - L_A(0)). Without it y is L_A(t) / L_A(0), and every
            network with finite losses is drawn.

    Returns:
        The figure, not saved.

    Raises:
        ValueError: a column is missing, or the curves hold several architectures, rules or sizes.
    """
    summary.require_columns(curves, summary.CURVE_COLUMNS, "curves")
    if interference is not None:
        needed = [*summary.INTERFERENCE_COLUMNS, "loss_untrained"]
        summary.require_columns(interference, needed, "interference")
    if curves.empty:
        return style.nothing("no curves")
    keys = [key for key, _ in summary.groups(curves)]
    if len(keys) > 1:
        raise ValueError(f"curves_of_pairs draws one architecture, rule and units, but the table holds {keys}")
    table = summary.relative_curves(curves, interference)
    tasks = summary.task_order(curves)
    with style.look("ticks"):
        shared = _shared_look(table, "" if interference is None else idle_outputs(interference), len(tasks))
        figure, grid = _grid(tasks, shared)
        pairs = dict(list(table.groupby(["first_task", "second_task"])[DRAWN]))
        for row, first in enumerate(tasks):
            for column, second in enumerate(tasks):
                pair = pairs.get((first, second), table.loc[:-1, DRAWN])
                _draw_panel(grid[row][column], pair, shared, is_diagonal=first == second)
        _label(figure, grid, tasks)
        for column, second in enumerate(tasks):
            updates = table.loc[table["second_task"] == second, "update"]
            _scale_x([row[column] for row in grid], float(updates.max()) if len(updates) else 1.0)
        _surround(figure, keys[0], shared)
    return figure


def _shared_look(table: pd.DataFrame, idle: str, n_tasks: int) -> Look:
    """The colours, and a y axis that holds every value that is drawn."""
    g_values = summary.values_of_g(table)
    colours = dict(zip(map(_key, g_values), style.colours_of_g(g_values), strict=True))
    used = table[table["counted"]]
    if idle:
        second = used.loc[used["first_task"] != used["second_task"], "second"]
        low, high = scales.limits([used["first"], second])
    else:
        values = pd.concat([used["first"], used["second"]]).to_numpy(float)
        values = values[np.isfinite(values) & (values > 0)]
        # 0.02 because the dashed line falls to the criterion on B.
        low, high = min([0.02, *values]) / 1.2, max([2.0, *values]) * 1.2
    return Look(colours, low, high, idle, n_tasks <= WITH_LINES)


def _key(g: float) -> float:
    """Key for a value of g; NaN, which does not equal itself, becomes infinity, which no network has."""
    return math.inf if math.isnan(g) else g


def _grid(tasks: Sequence[str], shared: Look) -> tuple[Figure, list[list[Axes]]]:
    """Make a figure with one panel for each ordered pair, sized so that its text is legible."""
    n = len(tasks)
    measure = style.new_figure(1, 1)
    names = style.text_width(measure, [style.pretty(task, 14, 3) for task in tasks], 9) + 0.15
    left = LEFT_LABELS + max(names, 1.15)
    panel = (style.WIDTH - left - 0.15 - (n - 1) * GAP) / n
    panel = min(max(panel, SMALLEST), LARGEST)
    tall = panel * ASPECT
    width = max(6.4, left + n * panel + (n - 1) * GAP + 0.15)
    height = TOP + n * tall + (n - 1) * GAP + _below(shared, width)
    figure = style.new_figure(width, height)
    grid = []
    for row in range(n):
        y = height - TOP - row * (tall + GAP) - tall
        boxes = [(left + column * (panel + GAP), y, panel, tall) for column in range(n)]
        fractions = [(x / width, y / height, w / width, h / height) for x, y, w, h in boxes]
        grid.append([figure.add_axes(box) for box in fractions])
    return figure, grid


def _draw_panel(axes: Axes, pair: pd.DataFrame, shared: Look, is_diagonal: bool) -> None:
    """Draw the curves of one ordered pair, and the number of networks that count if some are left out."""
    style.quiet(axes)
    if shared.is_interference:
        tall = style.size_of(axes)[1]
        scales.interference_axis(axes, (shared.low, shared.high), tall)
    else:
        axes.set_yscale("log")
        axes.set_ylim(shared.low, shared.high)
        every = math.ceil(math.log10(shared.high / shared.low) / 5)  # so that labels do not touch
        powers = [10.0**k for k in range(-12, 13) if k % every == 0 and shared.low <= 10.0**k <= shared.high]
        axes.set_yticks(powers, [scales.plain(power) for power in powers])
        axes.minorticks_off()
    if is_diagonal:
        axes.set_facecolor(style.PALE)
    for level in shared.marked():
        axes.axhline(level, color="#c4c4c4", linewidth=0.7, zorder=1)
    used = pair[pair["counted"]]
    for g in summary.values_of_g(used):
        _draw_g(axes, summary.networks(summary.rows_at_g(used, g), "first"), shared, g)
    if len(used) and not is_diagonal:
        # On the diagonal B is A, so its loss starts at the criterion and the ratio is meaningless.
        finite = used[np.isfinite(used["second"])]
        updates, mean = summary.mean_curve(summary.networks(finite, "second"))
        axes.plot(updates, mean, color=SECOND, linewidth=1.0, linestyle=DASHES, zorder=2, gid="second")
    _count(axes, pair, shared)


def _draw_g(axes: Axes, lines: list[tuple[summary.Floats, summary.Floats]], shared: Look, g: float) -> None:
    colour = shared.colours[_key(g)]
    if shared.single_networks:
        for updates, values in lines:
            axes.plot(updates, values, color=colour, linewidth=0.6, alpha=0.45, zorder=3, gid="network")
    updates, mean = summary.mean_curve(lines)
    axes.plot(updates, mean, color=colour, linewidth=1.9, zorder=4, solid_capstyle="round", gid=f"mean:{g:g}")


def _count(axes: Axes, pair: pd.DataFrame, shared: Look) -> None:
    """Write how many networks count if not all do."""
    each = pair.drop_duplicates("network")
    n, n_counted = len(each), int(each["counted"].sum())
    small: dict[str, Any] = {"fontsize": 7, "color": style.MUTED, "zorder": 6, "linespacing": 1.0}
    small |= {"transform": axes.transAxes, "path_effects": [style.halo(axes.get_facecolor())]}
    if n and not n_counted:
        words = "not finite" if each["converged"].any() else "not converged"
        axes.text(0.5, 0.5, f"{words}\n0/{n}", ha="center", va="center", **small)
    elif n_counted < n:
        axes.text(0.97, 0.97, f"{n_counted}/{n}", ha="right", va="top", **small)


def _label(figure: Figure, grid: list[list[Axes]], tasks: Sequence[str]) -> None:
    """Draw task names along the top and left, and tick labels on the outer panels only."""
    wide = grid[0][0].get_position().width * figure.get_figwidth()
    for column, task in enumerate(tasks):
        grid[0][column].set_title(style.pretty(task, max(6, int(wide * 11)), 2), pad=5, fontsize=9)
    for row, task in enumerate(tasks):
        axes = grid[row][0]
        box = axes.get_position()
        x = box.x0 - 0.36 / figure.get_figwidth()
        name = style.pretty(task, 14, 3)
        figure.text(x, (box.y0 + box.y1) / 2, name, fontsize=9, ha="right", va="center")
        for other in grid[row][1:]:
            other.tick_params(labelleft=False)
    for above in grid[:-1]:
        for axes in above:
            axes.tick_params(labelbottom=False)


def _scale_x(column: Sequence[Axes], longest: float) -> None:
    """Scale x by the square root of updates, which shows the fast start, the end and zero."""
    longest = max(longest, 1.0)
    ticks = [0.0, *_round_ticks(longest)]
    for axes in column:
        axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
        axes.set_xlim(0, longest * 1.02)
        axes.set_xticks(ticks, [_short(tick) for tick in ticks])
        axes.minorticks_off()
    # Labels at the edges are aligned inwards so that they do not overlap those of the next panel.
    labels = column[-1].get_xticklabels()
    labels[0].set_horizontalalignment("left")
    if ticks[-1] > 0.75 * longest:
        labels[-1].set_horizontalalignment("right")


def _round_ticks(longest: float) -> list[float]:
    """The largest of 1, 2, 5, 10, 20 ... up to `longest`, preceded by the largest up to a quarter of that."""
    rounds = [base * 10.0**power for power in range(12) for base in (1, 2, 5)]
    top = max(value for value in rounds if value <= longest)
    return [*[value for value in rounds if value <= top / 4][-1:], top]


def _short(count: float) -> str:
    return f"{count / 1000:g}k" if count >= 1000 else f"{count:g}"


def _surround(figure: Figure, group: summary.Group, shared: Look) -> None:
    """Draw heading, axis labels, legend and caption around the grid."""
    width, height = figure.get_size_inches()
    boxes = [axes.get_position() for axes in figure.axes]
    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    bottom, top = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    heading = style.group_title(group)
    figure.text(left, 1 - 0.17 / height, heading, fontsize=11, fontweight="bold", va="center")
    y_label = "interference I(A ← B)" if shared.is_interference else "loss on A / its value before B"
    figure.text(0.16 / width, (bottom + top) / 2, y_label, rotation=90, ha="center", va="center")
    x_label = "updates on B (square-root scale)"
    figure.text((left + right) / 2, bottom - 0.34 / height, x_label, ha="center", va="center")
    corner = "A: first task ↓\nB: then trained on →"
    position = left - 0.36 / width, top + 0.06 / height
    figure.text(*position, corner, fontsize=8, color=style.MUTED, ha="right", va="bottom")
    handles = _legend(shared)
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(MARGIN / width, bottom - 0.52 / height),
        ncols=_legend_columns(len(handles), width),
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.6,
        columnspacing=1.4,
    )
    caption = _caption(shared, width)
    figure.text(MARGIN / width, 0.07 / height, caption, fontsize=7.5, color=style.MUTED, va="bottom")


def _below(shared: Look, width: float) -> float:
    """Height in inches below the grid: tick labels, axis label, legend and caption."""
    n = len(_legend(shared))
    rows = math.ceil(n / _legend_columns(n, width))
    return 0.6 + 0.19 * rows + 0.16 * (1 + _caption(shared, width).count("\n"))


def _legend(shared: Look) -> list[Line2D]:
    means = [
        Line2D([], [], color=colour, linewidth=1.9, label="mean" if math.isinf(g) else f"g = {g:g}")
        for g, colour in shared.colours.items()
    ]
    label = "loss on B, mean over all g" if len(shared.colours) > 1 else "loss on B, mean"
    return [*means, Line2D([], [], color=SECOND, linewidth=1.0, linestyle=DASHES, label=label)]


def _legend_columns(n: int, width: float) -> int:
    return min(n, int((width - MARGIN - 1.5) / 0.85))


def _caption(shared: Look, width: float) -> str:
    lines = "Thin: networks, bold: mean" if shared.single_networks else "Bold: mean over networks"
    kept = "one that stopped keeps its last value"
    if shared.is_interference:
        scale = f"Interference ({shared.idle}): 0 nothing lost, 1 as bad as untrained; {scales.SCALE}. "
        left_out = "k/n: only k of the n networks count"
        left_out += ", so means of different g may be over different networks" if len(shared.colours) > 1 else ""
    else:
        scale, left_out = "", "criterion on A unknown, so k/n: only k of the n networks kept finite losses"
    over = "the networks of all g together" if len(shared.colours) > 1 else "the same networks"
    dashed = f"Dashed: loss on B / its first value, mean over {over}"
    text = f"{scale}{lines}, in which {kept}; {left_out}. {dashed}. Shaded: A, then more of A"
    return textwrap.fill(text, int((width - MARGIN) * 16.5))
