"""Timing of a trial: conversion of times in tau to steps, windows of steps, and the `drive` parameter.

Step k covers the time from k dt to (k + 1) dt. Its input acts during the step; its target applies to the state after
the step.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

ROUNDING = 1e-9
"""Half a step is rounded up. Adding this keeps 0.25 / 0.1 = 2.4999999999999996 from being rounded down."""

Drive = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="the amplitude of the task's input that stays on through the response period, relative "
        "to its pulse amplitude; 0: pulse only, then autonomous; 1: the input stays at full amplitude",
    ),
]
"""Type of the parameter that goes from autonomous to input-driven; it means the same in every task."""


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    if low < 0 or high < low:
        fixed = sorted(max(0.0, end) for end in interval)
        raise ValueError(f"[{low}, {high}] is not an interval of numbers from 0 up, the smaller first, e.g. {fixed}")
    return interval


Interval = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""Type of a pair: smallest and largest value of a uniform draw, 0 <= smallest <= largest."""


def steps(time: float, dt: float) -> int:
    """Return the number of time steps `dt` (tau) that is nearest to `time` (tau)."""
    return math.floor(time / dt + 0.5 + ROUNDING)


def some_steps(time: float, dt: float) -> int:
    """Return `steps`, but at least one, so that a pulse shorter than half a step does not vanish."""
    return max(1, steps(time, dt))


def draw_steps(
    rng: np.random.Generator, interval: tuple[float, float], shape: int | tuple[int, ...], dt: float
) -> np.ndarray:
    """Draw durations uniform in `interval` (tau) and round them to steps `dt` (tau) as `steps` does.

    Returns:
        Numbers of steps, int32 of `shape`.
    """
    times = rng.uniform(*interval, size=shape)
    return np.floor(times / dt + (0.5 + ROUNDING)).astype(np.int32)


def between(start: int | np.ndarray, stop: int | np.ndarray, n_steps: int) -> np.ndarray:
    """Return where start <= step < stop.

    Args:
        start: first step of the window, [trial] or one number.
        stop: step after the window, [trial] or one number.
        n_steps: length of the time axis.

    Returns:
        Boolean [trial, time], or [1, time] if all trials share the window.
    """
    step = np.arange(n_steps, dtype=np.int32)
    return (step >= np.reshape(start, (-1, 1))) & (step < np.reshape(stop, (-1, 1)))
