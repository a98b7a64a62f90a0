"""Durations of the periods of a trial, drawn in tau for each trial or once for the batch, and converted to steps.

The paper gives times in ms, with tau = 100 ms. Step k covers the time from k dt to (k + 1) dt. Its input acts during
the step; its target applies to the state after the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

ROUNDING = 1e-9
"""Half a step is rounded up. Adding this keeps 0.25 / 0.1 = 2.4999999999999996 from being rounded down."""


def _interval(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if low <= 0 or high < low:
        raise ValueError(f"[{low}, {high}] is not an interval of numbers above 0, the smaller first, e.g. [3, 7]")
    return ends


def _choices(times: tuple[float, ...]) -> tuple[float, ...]:
    if min(times) <= 0:
        raise ValueError(f"{list(times)} must all be above 0, e.g. [2, 4, 6]")
    return times


Interval = Annotated[tuple[float, float], AfterValidator(_interval)]
"""Type of a time that is drawn uniformly between two ends (tau)."""

Choices = Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_choices)]
"""Type of a time that is one of several values with equal probability (tau)."""


@dataclass(frozen=True)
class Dice:
    """Draws the durations and modalities of a batch, for each trial or once for all trials.

    Attributes:
        rng: the source of all randomness.
        n_trials: number of trials.
        dt: time step (tau).
        common: whether all trials of the batch share their times and the modalities of their stimuli.
    """

    rng: np.random.Generator
    n_trials: int
    dt: float
    common: bool

    def uniform(self, ends: tuple[float, float]) -> np.ndarray:
        """Draw durations uniformly between two ends (tau): [trial] in steps, at least 1."""
        return self._steps(self.rng.uniform(*ends, size=self._n_draws))

    def one_of(self, times: tuple[float, ...]) -> np.ndarray:
        """Draw durations from some values (tau): [trial] in steps, at least 1."""
        return self._steps(self.rng.choice(times, size=self._n_draws))

    def always(self, time: float) -> np.ndarray:
        """Return the same duration (tau) for every trial: [trial] in steps, at least 1."""
        return self._steps(np.array([time]))

    def modality(self) -> np.ndarray:
        """Draw a modality for each trial; return 1 for it and 0 for the other, [trial, modality]."""
        shown = np.broadcast_to(self.rng.integers(2, size=self._n_draws), self.n_trials)
        return np.eye(2)[shown]

    @property
    def _n_draws(self) -> int:
        return 1 if self.common else self.n_trials

    def _steps(self, times: np.ndarray) -> np.ndarray:
        rounded = np.floor(times / self.dt + 0.5 + ROUNDING).astype(np.int64)
        return np.broadcast_to(np.maximum(1, rounded), self.n_trials)
