"""Charts of interference against g or against a value that the conditions vary, as coordinates of an SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from rnnbench.benchmark.schema import Benchmark
from rnnbench.reports.numbers import DASH, plain, with_interval
from rnnbench.reports.page.matrices import Summary
from rnnbench.reports.page.settings import names

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 54
COLOURS = ["#00538a", "#b3366f", "#6b5b00", "#00756a", "#5b2a86", "#a33f00"]
"""Each has a contrast of at least 5 to 1 on white; lightness or markers distinguish them for the colour-blind."""
MARKERS = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-4-4h8v8h-8z", "M0-5l5 9h-10z", "M0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z"]


@dataclass(frozen=True)
class Point:
    """A mean over seeds at one x, with its interval."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: label of the line.
        points: means and intervals.
        colour: colour #rrggbb.
        marker: SVG path of the marker.
        path: SVG path of the line.
        band: SVG path of the band of the intervals.
        marks: coordinates (x, y) of the markers in the drawing.
    """

    name: str
    points: list[Point]
    colour: str
    marker: str
    path: str = ""
    band: str = ""
    marks: tuple[tuple[float, float], ...] = ()

    def at(self, x: float) -> str:
        """The mean and interval at one x as text; a dash if there is none."""
        return next((with_interval(p.y, p.low, p.high) for p in self.points if p.x == x), DASH)


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        x_name: name of the x axis.
        lines: the lines.
        x_ticks: (coordinate, label) of each tick on the x axis.
        y_ticks: (coordinate, label) of each tick on the y axis.
    """

    x_name: str
    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]

    @property
    def xs(self) -> list[float]:
        """Every x of any line, in ascending order."""
        return sorted({point.x for line in self.lines for point in line.points})


def charts(summaries: Sequence[Summary], benchmark: Benchmark) -> list[Chart]:
    """One chart for g and for each numeric value of the conditions, if it takes several values.

    Args:
        summaries: mean interference of each setting.
        benchmark: the resolved benchmark, for the values of its conditions.
    """
    values = {condition.label: condition.values for condition in benchmark.conditions}
    axes = ["g", *dict.fromkeys(name for one in values.values() for name in one)]
    return [chart for axis in axes if (chart := _chart(axis, summaries, values))]


def _chart(axis: str, summaries: Sequence[Summary], conditions: dict[str, Any]) -> Chart | None:
    series: dict[tuple[Any, ...], tuple[dict[str, Any], list[Point]]] = {}
    for one in summaries:
        varied = dict(conditions.get(str(one.setting["condition"]), {}))
        x = one.setting["g"] if axis == "g" else varied.pop(axis, math.nan)
        if not isinstance(x, int | float) or isinstance(x, bool) or not (math.isfinite(x) and math.isfinite(one.mean)):
            continue
        rest = one.setting | ({"g": math.nan} if axis == "g" else {"condition": _label(varied)})
        key = tuple(str(value) for value in rest.values())
        series.setdefault(key, (rest, []))[1].append(Point(float(x), one.mean, one.low, one.high))
    long = [(rest, sorted(points, key=lambda p: p.x)) for rest, points in series.values() if len(points) > 1]
    if not long:
        return None
    _, each = names([rest for rest, _ in long])
    return _drawn(axis, list(zip(each, (points for _, points in long), strict=True)))


def _label(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _drawn(axis: str, series: list[tuple[str, list[Point]]]) -> Chart:
    every = [point for _, points in series for point in points]
    ys = [y for p in every for y in (p.y, p.low, p.high) if math.isfinite(y)]
    x_values, y_values = _ticks([p.x for p in every]), _ticks([0.0, *ys])
    x_scale = _Scale(min(p.x for p in every), max(p.x for p in every), LEFT + 12, WIDTH - RIGHT - 12)
    y_scale = _Scale(y_values[0], y_values[-1], HEIGHT - BOTTOM, TOP)
    lines = []
    for number, (name, points) in enumerate(series):
        marks = tuple((x_scale(p.x), y_scale(p.y)) for p in points)
        banded = [p for p in points if math.isfinite(p.low) and math.isfinite(p.high)]
        around = [(p.x, p.high) for p in banded] + [(p.x, p.low) for p in reversed(banded)]
        band = _path([(x_scale(x), y_scale(y)) for x, y in around]) + "Z" if len(banded) > 1 else ""
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)]
        lines.append(Line(name, points, colour, marker, _path(marks), band, marks))
    shown = [x for x in x_values if x_scale.low <= x <= x_scale.high]
    return Chart(
        axis,
        lines,
        [(x_scale(x), plain(float(x))) for x in shown],
        [(y_scale(y), plain(float(y))) for y in y_values],
    )


def _ticks(values: list[float]) -> list[float]:
    """Round numbers that cover the range from the lowest to the highest value."""
    ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(min(values), max(values))
    return [0.0 if abs(tick) < 1e-12 else float(tick) for tick in np.round(ticks, 10)]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


@dataclass(frozen=True)
class _Scale:
    """Maps numbers to coordinates in the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + part * (self.end - self.start), 1)
