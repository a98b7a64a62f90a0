"""Axes and colours of quantities: an axis of interference that holds all values, and colours of differences."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, LinearSegmentedColormap, Normalize

Floats = npt.NDArray[np.float64]

LINEAR = 1.0
"""The axis of interference is linear from -1 to 1, and logarithmic beyond."""

TICK_GAP = 0.19
"""Smallest distance of two ticks in inches."""

SCALE = "scale: linear up to 1, logarithmic above"
"""The scale of the axis in words, for captions."""


def limits(values: Iterable[npt.ArrayLike]) -> tuple[float, float]:
    """The ends of an axis of interference that holds all values, and 0 and 1.

    Args:
        values: arrays of any shape; those that are not finite are ignored.
    """
    drawn = np.concatenate([np.zeros(1), *(np.asarray(each, dtype=float).ravel() for each in values)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = min(0.0, float(drawn.min())), max(1.0, float(drawn.max()))
    length = _place(high) - _place(low)
    return float(_values(_place(low) - 0.06 * length)), float(_values(_place(high) + 0.06 * length))


def interference_axis(axes: Axes, ends: tuple[float, float], length: float, which: str = "y") -> None:
    """Make the x or y axis one of interference.

    Args:
        axes: the axes.
        ends: the ends of the axis, from `limits`.
        length: length of the axis in inches, which decides how many ticks there are.
        which: "x" or "y".
    """
    functions = (_places, _values)
    chosen = ticks(ends, length, TICK_GAP if which == "y" else 0.3)
    labels = [plain(tick) for tick in chosen]
    if which == "y":
        axes.set_yscale("function", functions=functions)
        axes.set_ylim(*ends)
        axes.set_yticks(chosen, labels)
    else:
        axes.set_xscale("function", functions=functions)
        axes.set_xlim(*ends)
        axes.set_xticks(chosen, labels)
    axes.minorticks_off()


def ticks(ends: tuple[float, float], length: float, gap: float = TICK_GAP) -> list[float]:
    """Round numbers inside an axis of interference, as many as have room; 0 and 1 come first, then powers of ten.

    Args:
        ends: the ends of the axis.
        length: its length in inches.
        gap: smallest distance of two ticks in inches.
    """
    low, high = map(_place, ends)
    powers = [10.0**k for k in range(1, 13)]
    sizes = [*powers, 0.5, *(k * power for power in [1.0, *powers] for k in (2, 5))]
    wanted = [0.0, 1.0, -1.0, *(sign * size for size in sizes for sign in (1, -1))]
    chosen: list[float] = []
    for value in wanted:
        place = _place(value)
        if low <= place <= high and all(abs(place - _place(other)) * length / (high - low) >= gap for other in chosen):
            chosen.append(value)
    return sorted(chosen)


def plain(value: float) -> str:
    """A tick as a plain number with a true minus sign, e.g. 0.5, 20, 3k, 10M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def _places(values: npt.ArrayLike) -> Floats:
    """The positions of values [..] on the axis of interference; the slope has no jump at 1."""
    size = np.abs(np.asarray(values, dtype=float))
    return np.sign(values) * np.where(size <= LINEAR, size, 1 + np.log(np.maximum(size, LINEAR)))


def _values(places: npt.ArrayLike) -> Floats:
    """The values at positions [..], the inverse of `_places`."""
    size = np.abs(np.asarray(places, dtype=float))
    return np.sign(places) * np.where(size <= LINEAR, size, np.exp(np.clip(size - 1, 0, 600)))


def _place(value: float) -> float:
    return float(_places(value))


def difference_colours(values: Sequence[float], least: float = 0.1) -> tuple[LinearSegmentedColormap, Normalize]:
    """Colour map and scale of differences: blue below 0, white at 0, red above; all colours suit dark text.

    The scale holds all values. It is nearly linear up to the size that four of five values do not exceed, and
    compresses what is beyond, so that a single large value does not make all others pale.

    Args:
        values: the differences; those that are not finite are ignored.
        least: the smallest end of the scale.
    """
    sizes = [abs(value) for value in values if math.isfinite(value)]
    end = max([least, *sizes])
    usual = float(np.quantile(sizes, 0.8)) if sizes else end
    return PALE_DIFFERENCES, AsinhNorm(linear_width=min(max(usual, end / 30), end / 2), vmin=-end, vmax=end)


def difference_ticks(scale: Normalize) -> list[float]:
    """Round ticks of a scale of differences: 0, near its ends, and as many between as have room.

    Args:
        scale: a scale made by `difference_colours`.
    """
    end = float(scale.vmax or 1)
    chosen = [0.0]
    for value in sorted((base * 10.0**power for power in range(-4, 13) for base in (1, 2, 5)), reverse=True):
        if value <= end and all(abs(float(scale(value)) - float(scale(other))) >= 0.14 for other in chosen):
            chosen += [value, -value]
    return sorted(chosen)


PALE_DIFFERENCES = LinearSegmentedColormap.from_list(
    "differences", ["#5f9ad1", "#a9c8e6", "#f9f8f6", "#f0bda9", "#e07f6a"], N=512
)
