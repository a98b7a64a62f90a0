"""The look of every figure: theme, colours, names as text, saving. Nothing is set at import."""

import textwrap
import threading
from collections.abc import Iterator, Sequence
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
WIDTH = 10.0  # inches: 1500 pixels, still legible when a page shows them as 900

INK = "#262626"
MUTED = "#6f6f6f"
PALE = "#f2f2f2"
ABSENT = "#d4d4d4"

# The ends of the colour scale of interference; what lies beyond is drawn in the end colour and numbered.
LOWEST, HIGHEST = -0.5, 4.0

Rgb = tuple[float, float, float]

_LOCK = threading.RLock()
_OWN: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same figure on every machine
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
    """Draw in rnnbench's theme; the caller's settings come back on leaving, and threads take turns."""
    settings: Any = {**sns.axes_style(theme), **sns.plotting_context("paper"), **_OWN}
    with _LOCK, mpl.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure (inches) on its own Agg canvas, apart from pyplot and any display."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write `figure` as PNG to `path`, whose folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with look():
        figure.savefig(path, dpi=DPI, format="png")
    return path


def nothing(message: str) -> Figure:
    """A small figure that says why there is nothing to draw."""
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
    """(architecture, rule, units, condition, earlier tasks) as texts, each empty where there is nothing to say."""
    architecture, rule, units, condition, earlier = key
    after = f"after {pretty(earlier, width)}" if earlier else ""
    told = pretty(condition.replace("=", " = "), width) if condition else ""
    return [pretty(architecture, width), pretty(rule, width), f"N = {units}", told, after]


def group_title(key: tuple[str, str, int, str, str]) -> str:
    """What a group is, as one line."""
    return " · ".join(part for part in group_parts(key) if part)


def text_width(figure: Figure, texts: Sequence[str], size: float) -> float:
    """Width in inches of the widest of `texts` at `size` points."""
    renderer = FigureCanvasAgg.get_renderer(figure.canvas)  # type: ignore[arg-type]
    return max((_extent(figure, text, size, renderer) for text in texts), default=0.0)


def _extent(figure: Figure, text: str, size: float, renderer: object) -> float:
    drawn = Text(0, 0, text, fontsize=size, figure=figure)
    return float(drawn.get_window_extent(renderer).width) / figure.dpi  # type: ignore[arg-type]


@cache
def interference_colours() -> tuple[LinearSegmentedColormap, Normalize]:
    """Colour map and fixed scale of interference, the same in every figure so that figures compare.

    White is nothing lost. Lightness falls all the way up, so the order survives any colour blindness, and
    the hue turns from orange to purple at 1, where a network is worse than untrained.
    """
    stops = [(-0.5, "#3f97a8"), (0.0, "#fbf8f3"), (0.5, "#fdc994"), (1.0, "#ee8440")]
    stops += [(1.0, "#c65383"), (2.0, "#862f7c"), (4.0, "#3b1054")]
    placed = [((value - LOWEST) / (HIGHEST - LOWEST), colour) for value, colour in stops]
    return LinearSegmentedColormap.from_list("interference", placed, N=1024), Normalize(LOWEST, HIGHEST)


def readable_on(colour: tuple[float, float, float, float]) -> str:
    """Ink or white, whichever has the higher contrast on `colour` (WCAG relative luminance)."""
    channels = np.array(to_rgb(colour), dtype=float)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "white" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.07 else INK


def colours_of_g(values: Sequence[float]) -> list[Rgb]:
    """One colour for each g, from dark to light; the palest end is left out, which white would swallow."""
    if len(values) == 1:
        return [to_rgb("#31688e")]
    return [mpl.colormaps["viridis"](place)[:3] for place in np.linspace(0.05, 0.85, len(values))]


def looks_of_tasks(tasks: Sequence[str]) -> dict[str, tuple[Rgb, str]]:
    """Colour and marker of each task: ten colours safe for the colour-blind, then the same in a new shape."""
    palette = list(sns.color_palette("colorblind", 10))
    return {task: (palette[place % 10], "os^Dv"[place // 10 % 5]) for place, task in enumerate(tasks)}


def halo(colour: object = "white") -> AbstractPathEffect:
    """An outline that keeps small text legible where it crosses a line."""
    return withStroke(linewidth=2.2, foreground=colour)


def quiet(axes: Axes) -> None:
    """Take the frame's top and right lines off and make the rest thin."""
    sns.despine(ax=axes)
    axes.tick_params(length=2.5, width=0.6, pad=2)
