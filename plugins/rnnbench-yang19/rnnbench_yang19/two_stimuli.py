"""Two stimuli between which is decided: where they lie, how strong each is in each modality, and which one wins."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from rnnbench_yang19.course import Course, Stimulus
from rnnbench_yang19.ring_task import RingTask
from rnnbench_yang19.times import Dice

MEAN = (0.8, 1.2)
"""Mean strength of the two stimuli of a modality, uniform between these."""

SPLIT = (0.2, 0.8)
"""Difference between the modalities of a stimulus whose sum counts, relative to their mean; uniform, either sign."""


def _below_mean(coherences: tuple[float, ...]) -> tuple[float, ...]:
    if min(coherences) <= 0 or max(coherences) > MEAN[0]:
        smallest = f"the smallest mean strength, {MEAN[0]}"
        raise ValueError(f"{list(coherences)} must be above 0 and at most {smallest}; each is drawn with either sign")
    return coherences


Coherences = Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_below_mean)]
"""Half the difference between the strengths of two stimuli: drawn equally often each, with either sign."""


class TwoStimuli(RingTask):
    """Point at the stronger of two stimuli, which lie 90 to 270 degrees apart, the same in both modalities."""

    shows: ClassVar[tuple[int, ...]]
    """The modalities that are shown: 0, 1 or both."""
    counts: ClassVar[tuple[int, ...]]
    """The modalities whose strengths, summed, make a stimulus the stronger."""

    response: float = Field(5, gt=0, description="length of the response period; published 500 ms (tau)")
    coherences: Coherences

    @property
    def shortest_response(self) -> float:
        """As `response` says."""
        return self.response

    def strengths(self, rng: np.random.Generator, n_trials: int) -> np.ndarray:
        """[trial, stimulus, modality]. Where one modality counts, the other is drawn by itself, or is not shown."""
        if self.counts == (0, 1):
            return shared_modalities(rng, n_trials, self.coherences)
        drawn = np.stack([one_modality(rng, n_trials, self.coherences) for _ in range(2)], axis=2)
        return drawn * np.isin([0, 1], self.shows)

    def _course(self, dice: Dice, on: list[np.ndarray], off: list[np.ndarray], go: np.ndarray) -> Course:
        """The k-th stimulus is on from on[k] to off[k], [trial] each (steps)."""
        first = dice.rng.uniform(0, 2 * np.pi, dice.n_trials)
        apart = dice.rng.uniform(0.5 * np.pi, 1.5 * np.pi, dice.n_trials)
        direction = np.stack([first, (first + apart) % (2 * np.pi)], axis=1)
        strength = self.strengths(dice.rng, dice.n_trials)
        choice = strength[:, :, list(self.counts)].sum(axis=2).argmax(axis=1)
        return Course(
            stimuli=tuple(Stimulus(direction[:, k], strength[:, k], on[k], off[k]) for k in range(2)),
            go=go,
            end=go + dice.always(self.response),
            fixation_off=go,
            response=direction[np.arange(dice.n_trials), choice],
            facts={"choice": choice},
        )


def one_modality(rng: np.random.Generator, n_trials: int, coherences: tuple[float, ...]) -> np.ndarray:
    """Strengths of the two stimuli, mean + c and mean - c: [trial, stimulus]."""
    mean = rng.uniform(*MEAN, n_trials)
    c = rng.choice(coherences, n_trials) * _signs(rng, n_trials)
    return np.stack([mean + c, mean - c], axis=1)


def shared_modalities(rng: np.random.Generator, n_trials: int, coherences: tuple[float, ...]) -> np.ndarray:
    """Strengths of which the mean over modalities is drawn as for one: [trial, stimulus, modality].

    Each stimulus is stronger in one modality than in the other by far more than the coherence: only the sum tells.
    """
    mean = one_modality(rng, n_trials, coherences)
    split = mean * rng.uniform(*SPLIT, mean.shape) * _signs(rng, mean.shape)
    return np.stack([mean + split / 2, mean - split / 2], axis=2)


def _signs(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    return 2 * rng.integers(2, size=shape) - 1
