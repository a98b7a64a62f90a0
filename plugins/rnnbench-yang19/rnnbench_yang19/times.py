"""How long the periods of a trial are: drawn in tau, for each trial or once for the batch, and turned into steps.

The paper gives times in ms and has tau = 100 ms. Step k covers the time from k dt to (k + 1) dt; its input acts
during the step, its target is asked of the state after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

ROUNDING = 1e-9
"""Half a step is rounded up; this much keeps 0.25 / 0.1 = 2.4999999999999996 from being rounded down."""


def _interval(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if low <= 0 or high < low:
        raise ValueError(f"[{low}, {high}] is not an interval above 0; the smaller end first, e.g. [3, 7]")
    return ends


def _choices(times: tuple[float, ...]) -> tuple[float, ...]:
    if min(times) <= 0:
        raise ValueError(f"{list(times)} must all be above 0, e.g. [2, 4, 6]")
    return times


Interval = Annotated[tuple[float, float], AfterValidator(_interval)]
"""A time drawn uniformly between two ends (tau)."""

Choices = Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_choices)]
"""A time drawn from these, equally often each (tau)."""


@dataclass(frozen=True)
class Dice:
    """Draws what differs between the trials of a batch, or, where it is common, once for all of them.

    common   all trials of the batch share their times and the modalities of their stimuli
    """

    rng: np.random.Generator
    n_trials: int
    dt: float
    common: bool

    def uniform(self, ends: tuple[float, float]) -> np.ndarray:
        """Durations in steps, at least one: [trial]."""
        return self._steps(self.rng.uniform(*ends, size=self._n_draws))

    def one_of(self, times: tuple[float, ...]) -> np.ndarray:
        """Durations in steps, at least one: [trial]."""
        return self._steps(self.rng.choice(times, size=self._n_draws))

    def always(self, time: float) -> np.ndarray:
        """The same duration in every trial, in steps, at least one: [trial]."""
        return self._steps(np.array([time]))

    def modality(self) -> np.ndarray:
        """Strength of a stimulus that is shown in one modality: [trial, modality], 1 there and 0 in the other."""
        shown = np.broadcast_to(self.rng.integers(2, size=self._n_draws), self.n_trials)
        return np.eye(2)[shown]

    @property
    def _n_draws(self) -> int:
        return 1 if self.common else self.n_trials

    def _steps(self, times: np.ndarray) -> np.ndarray:
        rounded = np.floor(times / self.dt + 0.5 + ROUNDING).astype(np.int64)
        return np.broadcast_to(np.maximum(1, rounded), self.n_trials)
