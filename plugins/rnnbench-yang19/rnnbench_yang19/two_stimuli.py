"""Base class of the decision tasks: directions and strengths of two stimuli, and which one is the stronger."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from rnnbench_yang19.course import Course, Stimulus
from rnnbench_yang19.ring_task import RingTask
from rnnbench_yang19.times import Dice

MEAN = (0.8, 1.2)
"""Ends of the uniform distribution of the mean strength of a modality's two stimuli."""

SPLIT = (0.2, 0.8)
"""Ends of the uniform distribution of a stimulus's difference between modalities, relative to their mean."""


def _below_mean(coherences: tuple[float, ...]) -> tuple[float, ...]:
    if min(coherences) <= 0 or max(coherences) > MEAN[0]:
        smallest = f"the smallest mean strength, {MEAN[0]}"
        raise ValueError(f"{list(coherences)} must be above 0 and at most {smallest}; each is used with either sign")
    return coherences


Coherences = Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_below_mean)]
"""Type of half the difference between two strengths: one of several values, with either sign, all equally likely."""


class TwoStimuli(RingTask):
    """Point at the stronger of two stimuli, which lie 90 to 270 degrees apart, the same in both modalities."""

    shows: ClassVar[tuple[int, ...]]
    """Modalities in which the stimuli are shown: 0, 1 or both."""
    counts: ClassVar[tuple[int, ...]]
    """Modalities whose summed strengths decide which stimulus is the stronger."""

    response: float = Field(5, gt=0, description="length of the response period; published 500 ms (tau)")
    coherences: Coherences

    @property
    def shortest_response(self) -> float:
        """The length `response` (tau)."""
        return self.response

    def strengths(self, rng: np.random.Generator, n_trials: int) -> np.ndarray:
        """Draw the strengths, [trial, stimulus, modality].

        If one modality counts, the other is drawn independently of it, or is not shown.
        """
        if self.counts == (0, 1):
            return shared_modalities(rng, n_trials, self.coherences)
        drawn = np.stack([one_modality(rng, n_trials, self.coherences) for _ in range(2)], axis=2)
        return drawn * np.isin([0, 1], self.shows)

    def _course(self, dice: Dice, on: list[np.ndarray], off: list[np.ndarray], go: np.ndarray) -> Course:
        """Draw trials whose k-th stimulus is on from on[k] to off[k], [trial] each (steps)."""
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
    """Draw the strengths of two stimuli, mean + c and mean - c, with c one of `coherences`: [trial, stimulus]."""
    mean = rng.uniform(*MEAN, n_trials)
    c = rng.choice(coherences, n_trials) * _signs(rng, n_trials)
    return np.stack([mean + c, mean - c], axis=1)


def shared_modalities(rng: np.random.Generator, n_trials: int, coherences: tuple[float, ...]) -> np.ndarray:
    """Draw strengths whose mean over modalities is distributed as in `one_modality`: [trial, stimulus, modality].

    The difference between the modalities of a stimulus is far larger than the coherence, so that only the sum over
    modalities shows which stimulus is the stronger.
    """
    mean = one_modality(rng, n_trials, coherences)
    split = mean * rng.uniform(*SPLIT, mean.shape) * _signs(rng, mean.shape)
    return np.stack([mean + split / 2, mean - split / 2], axis=2)


def _signs(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    return 2 * rng.integers(2, size=shape) - 1
