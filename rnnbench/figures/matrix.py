"""Figure of the interference matrix: the effect of learning B on A, for every ordered pair of tasks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon, Rectangle

from rnnbench.figures import style, summary
from rnnbench.results.interference import idle_outputs, matrix_table

# All sizes are in inches. An entry with a side of at least FULL shows mean, spread and count; of at least SMALL, the
# mean alone, of at least SHORT, the mean with one decimal.
LARGEST, FULL, SMALL, SHORT = 1.0, 0.56, 0.3, 0.2
GAP = 0.3  # between panels
RIGHT = 0.2
TITLE, TITLE_LINE = 0.3, 0.16  # height of a panel's title of one line, and of each further line
FOOTER = 1.32
NARROWEST = 6.6  # smallest width of the figure, so that the footer fits


@dataclass(frozen=True)
class Panel:
    """One interference matrix.

    Attributes:
        group: (architecture, rule, units, condition, earlier tasks).
        g: its g; NaN for an architecture without g.
        entries: its entries, indexed by first and second task (see `matrix_table`).
    """

    group: summary.Group
    g: float
    entries: pd.DataFrame


@dataclass(frozen=True)
class Layout:
    """The layout of the figure, with sizes in inches.

    Attributes:
        rows: the panels as rows of a grid.
        entry_side: side of an entry.
        n_tasks: number of tasks.
        left: width of the task names on the left.
        below: height of the task names below a panel.
        top: height above the first row.
        width: width of the figure.
        height: height of the figure.
        title: height of a panel's title.
        rotate: whether the task names below a panel are rotated.
    """

    rows: list[list[Panel]]
    entry_side: float
    n_tasks: int
    left: float
    below: float
    top: float
    width: float
    height: float
    title: float
    rotate: bool

    @property
    def side(self) -> float:
        """Side of a panel."""
        return self.entry_side * self.n_tasks

    @property
    def offset(self) -> float:
        """Left edge of the first panel; the grid with its labels is centred on the page."""
        columns = max(len(row) for row in self.rows)
        used = self.left + columns * self.side + (columns - 1) * GAP + RIGHT
        return self.left + (self.width - used) / 2

    def place(self, row: int, column: int) -> tuple[float, float, float, float]:
        """A panel's (left, bottom, width, height) as fractions of the figure."""
        x = self.offset + column * (self.side + GAP)
        y = self.height - self.top - row * (self.title + self.side + self.below) - self.title - self.side
        return x / self.width, y / self.height, self.side / self.width, self.side / self.height


def entries_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The entries of one matrix (see `matrix_table`), indexed by first and second task."""
    return matrix_table(rows).set_index(["first_task", "second_task"])


def interference_matrix(interference: pd.DataFrame) -> Figure:
    """Draw one matrix for each (architecture, rule, units) and g, with first tasks as rows and second tasks as columns.

    Colour and upper number are the mean over the networks that count (`results.interference.counts`), and the number
    below is the standard deviation. If some networks do not count, the entry has a marked corner and shows how many
    do. If none counts, it is grey and hatched. The diagonal (A, then more of A) is outlined.

    Args:
        interference: the interference table.

    Returns:
        The figure, not saved.

    Raises:
        ValueError: a column is missing.
    """
    summary.require_columns(interference, summary.INTERFERENCE_COLUMNS, "interference")
    if interference.empty:
        return style.nothing("no networks, so no interference matrix")
    tasks = summary.task_order(interference)
    by_group = [
        [Panel(key, g, entries_of(summary.rows_at_g(rows, g))) for g in summary.values_of_g(rows)]
        for key, rows in summary.groups(interference)
    ]
    with style.look():
        layout = _layout(by_group, tasks)
        figure = style.new_figure(layout.width, layout.height)
        common = _common(layout.rows)
        idle = idle_outputs(interference)
        _heading(figure, layout, common)
        for i, row in enumerate(layout.rows):
            for j, panel in enumerate(row):
                axes = figure.add_axes(layout.place(i, j))
                draw_matrix(axes, panel.entries, tasks, layout.entry_side)
                _label(axes, panel, common, tasks, layout, first_column=j == 0)
        _footer(figure, layout, idle)
    return figure


def _layout(by_group: list[list[Panel]], tasks: list[str]) -> Layout:
    n = len(tasks)
    measure = style.new_figure(1, 1)
    left = 0.42 + style.text_width(measure, [style.pretty(task, 18, 2) for task in tasks], 8.5)
    room = style.WIDTH - left - RIGHT
    longest = max(len(panels) for panels in by_group)
    # If each group has only one panel, the groups share rows. Otherwise each group starts a new row.
    series = [[panels[0] for panels in by_group]] if longest == 1 else by_group
    columns = _columns(n, max(len(panels) for panels in series), room)
    rows = [row for panels in series for row in _wrap(panels, columns)]
    columns = max(len(row) for row in rows)
    side = min(LARGEST, (room - (columns - 1) * GAP) / (columns * n))
    upright = [style.pretty(task, 9, 3) for task in tasks]
    rotate = style.text_width(measure, upright, 8.5) > side * 0.96
    rotated = [style.pretty(task, 18, 2) for task in tasks]
    lines = 1 + max(name.count("\n") for name in upright)
    below = 0.42 + (style.text_width(measure, rotated, 8.5) if rotate else 0.15 * lines)
    top = 0.3
    width = max(NARROWEST, left + columns * side * n + (columns - 1) * GAP + RIGHT)
    common = _common(rows)
    lines = max(_title(panel, common, side * n).count("\n") for row in rows for panel in row)
    title = TITLE + TITLE_LINE * lines
    height = top + len(rows) * (title + side * n + below) + FOOTER
    return Layout(rows, side, n, left, below, top, width, height, title, rotate)


def _columns(n_tasks: int, n_panels: int, room: float) -> int:
    """Number of panels side by side: as many as leave space for the numbers, at most four; otherwise one or two."""
    fitting = [c for c in range(1, 5) if (room - (c - 1) * GAP) / (c * n_tasks) >= FULL]
    # Without space for all numbers, one or two panels are drawn below each other so that they keep the mean. With more
    # panels than that the page would become too long, so two are drawn side by side.
    most = fitting[-1] if fitting else 1 if n_panels <= 2 else 2
    return math.ceil(n_panels / math.ceil(n_panels / most))


def _wrap(panels: list[Panel], columns: int) -> list[list[Panel]]:
    return [panels[start : start + columns] for start in range(0, len(panels), columns)]


def _common(rows: list[list[Panel]]) -> list[bool]:
    """Which parts of the groups' names are the same in all panels; these are shown in the heading."""
    keys = [panel.group for row in rows for panel in row]
    return [len({key[part] for key in keys}) == 1 for part in range(len(summary.GROUP))]


def _heading(figure: Figure, layout: Layout, common: list[bool]) -> None:
    parts = style.group_parts(layout.rows[0][0].group, 28)
    shared = [part for part, same in zip(parts, common, strict=True) if same and part]
    x, y = layout.offset / layout.width, 1 - 0.18 / layout.height
    figure.text(x, y, " · ".join(shared), fontsize=11, fontweight="bold", va="center")


def _title(panel: Panel, common: list[bool], width: float) -> str:
    """The parts of a panel's setting that are not in the heading, on as many lines as they need."""
    parts = [part for part, same in zip(style.group_parts(panel.group, 28), common, strict=True) if part and not same]
    parts += [] if math.isnan(panel.g) else [f"g = {panel.g:g}"]
    return style.wrapped(parts, width, 9.5)


def _label(
    axes: Axes,
    panel: Panel,
    common: list[bool],
    tasks: list[str],
    layout: Layout,
    first_column: bool,
) -> None:
    """Draw title, task names and axis labels of one panel; the rows are named in the first column only."""
    axes.set_title(_title(panel, common, layout.side), loc="left", pad=5)
    ticks = [index + 0.5 for index in range(len(tasks))]
    if layout.rotate:
        axes.set_xticks(ticks, [style.pretty(task, 18, 2) for task in tasks], rotation=90)
    else:
        axes.set_xticks(ticks, [style.pretty(task, 9, 3) for task in tasks], rotation=0)
    axes.set_yticks(ticks, [style.pretty(task, 18, 2) if first_column else "" for task in tasks], rotation=0)
    axes.set_xlabel("then trained on (B)", labelpad=4)
    axes.set_ylabel("first task (A)" if first_column else "", labelpad=6)
    axes.tick_params(length=0, pad=3)


def draw_matrix(axes: Axes, entries: pd.DataFrame, tasks: list[str], side: float) -> None:
    """Draw one matrix, without names.

    Args:
        axes: the axes.
        entries: the entries, from `entries_of`.
        tasks: the tasks in the order of rows and columns.
        side: side of an entry in inches, which decides which numbers are written.
    """
    colours, scale = style.interference_colours()
    means = entries["mean"].unstack().reindex(index=tasks, columns=tasks)
    # seaborn's heatmap is not used because it draws the whole figure once per panel to place its ticks.
    width = 0.6 if side >= SMALL else 0.3
    axes.pcolormesh(means.to_numpy(float), cmap=colours, norm=scale, edgecolors="white", linewidth=width)
    axes.set(xlim=(0, len(tasks)), ylim=(len(tasks), 0), xticks=[], yticks=[])
    sns.despine(ax=axes, left=True, bottom=True)
    known: dict[Any, dict[str, float]] = entries.to_dict("index")  # type: ignore[assignment]
    for row, first in enumerate(tasks):
        for column, second in enumerate(tasks):
            if (first, second) in known:
                _draw_entry(axes, row, column, known[(first, second)], side)
            elif side >= SMALL:
                axes.text(column + 0.5, row + 0.5, "–", ha="center", va="center", color="#b0b0b0")
    for i in range(len(tasks)):
        outline = Rectangle((i, i), 1, 1, fill=False, edgecolor=style.INK, linewidth=1.3, zorder=4)
        outline.set(clip_on=False, gid="diagonal")
        axes.add_patch(outline)


def _draw_entry(axes: Axes, row: int, column: int, entry: Mapping[str, float], side: float) -> None:
    """Draw the marks and numbers of one entry; the gid of each text is "cell:row:column", for tests and for SVG."""
    n, n_counted = int(entry["networks"]), int(entry["counted"])
    if n_counted == 0:
        _draw_none(axes, row, column, int(entry["converged"]), n, side)
        return
    colours, scale = style.interference_colours()
    ink = style.readable_on(colours(scale(entry["mean"])))
    if n_counted < n:
        right, upper, size = column + 0.95, row + 0.05, 0.17 if side >= FULL else 0.3
        points = [(right - size, upper), (right, upper), (right, upper + size)]
        corner = Polygon(points, facecolor=ink, linewidth=0, zorder=3)
        corner.set_gid(f"corner:{row}:{column}")
        axes.add_patch(corner)
    if side < SHORT:
        return
    if side < SMALL:
        _write(axes, row, column, [(_short(entry["mean"]), 1.0)], side * 72 * 0.36, side, ink)
        return
    lines = [(style.number(entry["mean"]), 1.0)]
    if side >= FULL:
        lines += [(f"± {style.number(entry['sd'])}", 0.74)] if n_counted > 1 else []
        lines += [(f"{n_counted}/{n}", 0.74)] if n_counted < n else []
    size = min(11.0, side * 72 * (0.235 if side >= FULL else 0.28))
    _write(axes, row, column, lines, size, side, ink)


def _short(value: float) -> str:
    """A number in at most three characters and a sign where it can be: one decimal, or none from 10 on."""
    text = f"{value:.1f}" if abs(value) < 9.95 else f"{value:.0f}" if abs(value) < 999.5 else f"{value:.0e}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−").replace("e+0", "e")


def _draw_none(axes: Axes, row: int, column: int, n_converged: int, n: int, side: float) -> None:
    grey = Rectangle((column, row), 1, 1, facecolor=style.ABSENT, edgecolor="#f6f6f6", hatch="////", linewidth=0.6)
    grey.set_gid(f"none:{row}:{column}")
    axes.add_patch(grey)
    if side < FULL:
        return
    # Networks that converged on A but whose loss is no longer finite are a different failure.
    words = "not\nconverged" if n_converged == 0 else "not\nfinite"
    text = f"{words}\n0/{n}"
    box = {"facecolor": style.ABSENT, "edgecolor": "none", "pad": 0.8}
    size = min(8.5, side * 72 * 0.165)
    drawn = axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, bbox=box)
    drawn.set_linespacing(1.05)
    drawn.set_gid(f"cell:{row}:{column}")


def _write(
    axes: Axes, row: int, column: int, lines: list[tuple[str, float]], size: float, side: float, ink: str
) -> None:
    """Draw `lines` of (text, relative size) centred in an entry, one below the other."""
    leading = 1.3 * size / (72 * side)  # height of a line of relative size 1, in units of an entry
    y = row + 0.5 - leading * sum(relative for _, relative in lines) / 2
    for text, relative in lines:
        y += leading * relative / 2
        drawn = axes.text(
            column + 0.5,
            y,
            text,
            ha="center",
            va="center_baseline",
            fontsize=size * relative,
            color=ink,
            zorder=5,
        )
        drawn.set_gid(f"cell:{row}:{column}")
        y += leading * relative / 2


def _footer(figure: Figure, layout: Layout, idle: str) -> None:
    """Draw the colour bar on the left, the key to the marks on the right, and the caption below."""
    width, height = layout.width, layout.height
    left = 0.45
    bar_width = min(4.2, width * 0.45)
    axes = figure.add_axes((left / width, 0.82 / height, bar_width / width, 0.16 / height))
    every = [panel.entries for row in layout.rows for panel in row]
    colour_bar(figure, axes, every)
    key(figure, ((left + bar_width + 0.55) / width, 1.2 / height), every, numbered=layout.entry_side >= FULL)
    means = "mean" if layout.entry_side >= SMALL else "colour: mean"
    several = any(bool((entries["counted"] > 1).any()) for entries in every)
    spread = " ± standard deviation" if layout.entry_side >= FULL and several else ""
    caption = f"{idle}; {means}{spread} over the networks (seeds) that learnt A and have finite losses"
    figure.text(left / width, 0.13 / height, caption, fontsize=8, color=style.MUTED, va="center")


def colour_bar(figure: Figure, axes: Axes, every: Sequence[pd.DataFrame]) -> None:
    """Draw the colour bar of interference.

    Args:
        figure: the figure.
        axes: the axes of the bar.
        every: the entries of all matrices, which decide whether values lie beyond the bar.
    """
    colours, scale = style.interference_colours()
    means = pd.concat([entries["mean"] for entries in every]).dropna()
    below, above = bool((means < style.LOWEST).any()), bool((means > style.HIGHEST).any())
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get((below, above), "neither")
    bar = figure.colorbar(ScalarMappable(scale, colours), cax=axes, orientation="horizontal", extend=extend)
    bar.outline.set_visible(False)
    top = "≥ 4" if above else "4"
    bottom = "≤ −0.5" if below else "−0.5"
    bar.set_ticks([-0.5, 0, 1, 2, 4], labels=[bottom, "0\nkept", "1\nuntrained", "2", top])
    bar.ax.tick_params(length=2.5, width=0.6, pad=2, labelsize=8)
    bar.set_label("interference I(A ← B)", fontsize=9, labelpad=2)
    for value, text in [(-0.25, "improved"), (2.5, "worse than untrained")]:
        drawn = bar.ax.text(value, 1.35, text, ha="center", fontsize=7.5, color=style.MUTED)
        drawn.set_transform(bar.ax.get_xaxis_transform())


def key(figure: Figure, corner: tuple[float, float], every: Sequence[pd.DataFrame], numbered: bool) -> None:
    """Draw the key to the marks in the matrices.

    Args:
        figure: the figure.
        corner: upper left corner of the key, as fractions of the figure.
        every: the entries of all matrices; marks that none of them has are left out.
        numbered: whether entries say how many networks count.
    """
    together = pd.concat(every)
    grey = Patch(facecolor=style.ABSENT, edgecolor="#f6f6f6", hatch="//////")
    diagonal = Patch(facecolor="white", edgecolor=style.INK, linewidth=1.3)
    triangle = Line2D([], [], linestyle="none", marker=[(-1, 1), (1, 1), (1, -1)], color=style.INK, markersize=6)
    some = (together["counted"] > 0) & (together["counted"] < together["networks"])
    items: list[tuple[Patch | Line2D, str]] = [(diagonal, "A, then more of A (drift control)")]
    if some.any():
        items.append((triangle, "k/n: only k of the n networks count" if numbered else "some networks do not count"))
    if (together["counted"] == 0).any():
        items.append((grey, "no network counts"))
    handles, labels = zip(*items, strict=True)
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=corner,
        frameon=False,
        handlelength=1.3,
        handleheight=1.0,
        borderpad=0,
        labelspacing=0.55,
    )
