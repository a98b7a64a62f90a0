"""When things happen in a trial: times in tau turned into steps, windows of steps, and what stays on after.

Step k covers the time from k dt to (k + 1) dt; its input acts during the step, its target is asked of the
state after it.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

ROUNDING = 1e-9
"""Half a step is rounded up; this much keeps 0.25 / 0.1 = 2.4999999999999996 from being rounded down."""

Drive = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="the amplitude of the task's input that stays on through the response period, relative "
        "to its pulse amplitude; 0: pulse only, then autonomous; 1: the input stays at full amplitude",
    ),
]
"""The dial from autonomous to input-driven, the same in every task."""


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    if low < 0 or high < low:
        fixed = sorted(max(0.0, end) for end in interval)
        raise ValueError(f"[{low}, {high}] is not an interval from 0 up: the smaller end first, e.g. {fixed}")
    return interval


Interval = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""Smallest and largest value of a uniform draw, 0 <= smallest <= largest."""


def steps(time: float, dt: float) -> int:
    """The number of time steps `dt` (tau) nearest to `time` (tau)."""
    return math.floor(time / dt + 0.5 + ROUNDING)


def some_steps(time: float, dt: float) -> int:
    """As `steps`, but at least one: a pulse shorter than half a step must not vanish."""
    return max(1, steps(time, dt))


def draw_steps(
    rng: np.random.Generator, interval: tuple[float, float], shape: int | tuple[int, ...], dt: float
) -> np.ndarray:
    """Durations uniform in `interval` (tau), rounded to steps `dt` (tau) like `steps`; int32 of `shape`."""
    times = rng.uniform(*interval, size=shape)
    return np.floor(times / dt + (0.5 + ROUNDING)).astype(np.int32)


def between(start: int | np.ndarray, stop: int | np.ndarray, n_steps: int) -> np.ndarray:
    """Where start <= step < stop: boolean [trial, time], or [1, time] where all trials share the window.

    start, stop [trial] or one number, in steps.
    """
    step = np.arange(n_steps, dtype=np.int32)
    return (step >= np.reshape(start, (-1, 1))) & (step < np.reshape(stop, (-1, 1)))
