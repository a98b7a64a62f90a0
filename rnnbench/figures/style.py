"""The style of all figures: theme, colours, names as text, and saving. No global setting is changed at import."""

import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.text import Text

DPI = 150
WIDTH = 10.0  # inches, or 1500 pixels; still legible when a page shows them as 900 pixels

INK = "#262626"
MUTED = "#6f6f6f"
PALE = "#f2f2f2"
ABSENT = "#d4d4d4"

# The ends of the colour scale of interference; values beyond them are drawn in the end colour with their number.
LOWEST, HIGHEST = -0.5, 4.0

Rgb = tuple[float, float, float]

_LOCK = threading.RLock()
_OWN: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib, so figures are the same on every machine
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "text.usetex": False,
    "text.color": INK,
    "axes.edgecolor": "#9a9a9a",
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.unicode_minus": True,
    "hatch.linewidth": 0.6,
}


@contextmanager
def look(theme: str = "white") -> Iterator[None]:
    """Context in which figures are drawn in rnnbench's theme.

    The caller's matplotlib settings are restored on exit. A lock makes threads take turns.

    Args:
        theme: name of a seaborn theme.
    """
    settings: Any = {**sns.axes_style(theme), **sns.plotting_context("paper"), **_OWN}
    with _LOCK, mpl.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure on its own Agg canvas, independent of pyplot and of any display.

    Args:
        width: width in inches.
        height: height in inches.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write `figure` as PNG to `path` and return the path; its folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with look():
        figure.savefig(path, dpi=DPI, format="png")
    return path


def nothing(message: str) -> Figure:
    """A small figure with a message that says why there is nothing to draw."""
    with look():
        figure = new_figure(5.0, 1.2)
        figure.text(0.5, 0.5, literal(message), ha="center", va="center", color=MUTED)
    return figure


def literal(text: object) -> str:
    """`text` such that matplotlib draws a dollar sign instead of reading mathematics."""
    return str(text).replace("$", r"\$")


def pretty(name: object, width: int = 60, lines: int = 1) -> str:
    """A name as it is drawn: spaces for underscores, wrapped, markup literal, its middle cut if too long."""
    text = " ".join(str(name).replace("_", " ").split()) or "?"
    wrapped, half = textwrap.wrap(text, width), width * lines // 2
    while len(wrapped) > lines:
        half -= 1
        wrapped = textwrap.wrap(f"{text[:half].rstrip()}…{text[-half:].lstrip()}", width)
    return literal("\n".join(wrapped))


def number(value: float) -> str:
    """A number in at most five characters where it can be, with a true minus sign and no minus zero."""
    size = abs(value)
    decimals = 2 if size < 9.995 else 1 if size < 99.95 else 0
    text = f"{value:.{decimals}f}" if size < 99_999.5 else f"{value:.0e}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def group_parts(key: tuple[str, str, int, str, str], width: int = 60) -> list[str]:
    """The parts of a group as texts; a part without information is empty.

    Args:
        key: (architecture, rule, units, condition, earlier tasks).
        width: largest number of characters of a name.
    """
    architecture, rule, units, condition, earlier = key
    after = f"after {pretty(earlier, width)}" if earlier else ""
    varied = pretty(condition.replace("=", " = "), width) if condition else ""
    return [pretty(architecture, width), pretty(rule, width), f"N = {units}", varied, after]


def group_title(key: tuple[str, str, int, str, str]) -> str:
    """The parts of a group (see `group_parts`) as one line."""
    return " · ".join(part for part in group_parts(key) if part)


def setting_parts(setting: Mapping[str, Any]) -> list[str]:
    """The parts of a matrix's setting as texts, g included; a part without information is empty.

    Args:
        setting: values of the columns architecture, rule, units, condition, earlier_tasks and g.
    """
    names = ("architecture", "rule", "units", "condition", "earlier_tasks")
    architecture, rule, units, condition, earlier = (setting[name] for name in names)
    g = setting["g"]
    parts = group_parts((str(architecture), str(rule), int(units), str(condition), str(earlier)), 28)
    return [*parts, "" if g != g or g is None else f"g = {g:g}"]


def common_parts(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parts that are the same in all settings; see `setting_parts`."""
    every = [setting_parts(setting) for setting in settings]
    return [parts[0] for parts in zip(*every, strict=True) if len(set(parts)) == 1 and parts[0]]


def varied_titles(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """A title for each setting: the parts in which the settings differ; see `setting_parts`."""
    every = [setting_parts(setting) for setting in settings]
    varied = [k for k, parts in enumerate(zip(*every, strict=True)) if len(set(parts)) > 1]
    return [" · ".join(parts[k] for k in varied if parts[k]) for parts in every]


def wrapped(parts: Sequence[str], width: float, size: float, bold: bool = False) -> str:
    """Parts of a title joined by dots, on as many lines as they need.

    Args:
        parts: the parts; one that is too long for a line is broken between words or inside a word.
        width: largest width of a line in inches.
        size: font size in points.
        bold: whether the text is drawn bold.
    """
    measure, lines, stretch = new_figure(1, 1), [""], 1.1 if bold else 1.0

    def fits(text: str) -> bool:
        return text_width(measure, [text], size) * stretch <= width

    for part in parts:
        joined = f"{lines[-1]} · {part}" if lines[-1] else part
        if fits(joined):
            lines[-1] = joined
            continue
        characters = len(part)
        broken = [part]
        while characters > 4 and not all(map(fits, broken)):
            characters -= 1
            broken = textwrap.wrap(part, characters)
        lines += broken
    return "\n".join(line for line in lines if line)


def size_of(axes: Axes) -> tuple[float, float]:
    """Width and height of axes in inches."""
    box, figure = axes.get_position(), axes.get_figure(root=True)
    width, height = figure.get_size_inches() if figure is not None else (0.0, 0.0)
    return box.width * float(width), box.height * float(height)


def text_width(figure: Figure, texts: Sequence[str], size: float) -> float:
    """Width in inches of the widest of several texts.

    Args:
        figure: figure whose resolution is used.
        texts: the texts.
        size: font size in points.
    """
    renderer = FigureCanvasAgg.get_renderer(figure.canvas)  # type: ignore[arg-type]
    return max((_extent(figure, text, size, renderer) for text in texts), default=0.0)


def _extent(figure: Figure, text: str, size: float, renderer: object) -> float:
    drawn = Text(0, 0, text, fontsize=size, figure=figure)
    return float(drawn.get_window_extent(renderer).width) / figure.dpi  # type: ignore[arg-type]


@cache
def interference_colours() -> tuple[LinearSegmentedColormap, Normalize]:
    """Colour map and fixed scale of interference, the same in all figures so that they can be compared.

    White means that nothing was lost. Lightness decreases with interference, so the order is visible with any colour
    blindness. The hue changes from orange to purple at 1, above which a network is worse than untrained.
    """
    stops = [(-0.5, "#3f97a8"), (0.0, "#fbf8f3"), (0.5, "#fdc994"), (1.0, "#ee8440")]
    stops += [(1.0, "#c65383"), (2.0, "#862f7c"), (4.0, "#3b1054")]
    placed = [((value - LOWEST) / (HIGHEST - LOWEST), colour) for value, colour in stops]
    return LinearSegmentedColormap.from_list("interference", placed, N=1024), Normalize(LOWEST, HIGHEST)


def readable_on(colour: tuple[float, float, float, float]) -> str:
    """Text colour, dark or white, with the higher contrast on a background (WCAG relative luminance).

    Args:
        colour: background as RGBA, each 0 to 1.
    """
    channels = np.array(to_rgb(colour), dtype=float)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "white" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.07 else INK


def colours_of_g(values: Sequence[float]) -> list[Rgb]:
    """One colour for each g, from dark to light; the palest colours are not used, as they are too faint on white."""
    if len(values) == 1:
        return [to_rgb("#31688e")]
    return [mpl.colormaps["viridis"](x)[:3] for x in np.linspace(0.05, 0.85, len(values))]


def looks_of_tasks(tasks: Sequence[str]) -> dict[str, tuple[Rgb, str]]:
    """Colour and marker of each task: ten colours safe for the colour-blind, repeated with other markers."""
    palette = list(sns.color_palette("colorblind", 10))
    return {task: (palette[index % 10], "os^Dv"[index // 10 % 5]) for index, task in enumerate(tasks)}


def halo(colour: object = "white") -> AbstractPathEffect:
    """An outline that keeps small text legible where it crosses a line."""
    return withStroke(linewidth=2.2, foreground=colour)


def quiet(axes: Axes) -> None:
    """Remove the top and right lines of the frame and make the ticks thin."""
    sns.despine(ax=axes)
    axes.tick_params(length=2.5, width=0.6, pad=2)
