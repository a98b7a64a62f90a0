"""The Match family: two stimuli one after the other; point at the second if they match, or if they do not."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from pydantic import Field

from rnnbench_yang19.course import Course, Stimulus
from rnnbench_yang19.ring_task import RingTask
from rnnbench_yang19.times import Choices, Dice

CATEGORY = np.pi
"""Directions below this are in one category, all others in the other (radians)."""

CATEGORISED = (np.arange(10) + 0.5) * np.pi / 5
"""The ten directions of the category tasks (radians): 18, 54, .. 342 degrees, five of each category."""

NEAREST_NON_MATCH = np.pi / 9
"""Two directions that do not match lie at least this far apart (radians): 20 degrees."""


class Match(RingTask):
    """A sample, a delay, a test that stays on, as fixation does; each in a random modality of its own."""

    responds_to_match: ClassVar[bool]

    fixation: Choices = Field((2, 4, 6), description="time before the sample; published 200, 400, 600 ms (tau)")
    sample_duration: Choices = Field((2, 4, 6), description="length of the sample; published 200, 400, 600 ms (tau)")
    delay: Choices = Field(
        (2, 4, 8, 16), description="from the sample's end to the test; published 200, 400, 800, 1600 ms (tau)"
    )
    response: Choices = Field((5,), description="length of the test and of the response; published 500 ms (tau)")

    @property
    def shortest_response(self) -> float:
        """The shortest time in `response` (tau)."""
        return min(self.response)

    @abstractmethod
    def pairs(self, rng: np.random.Generator, n_trials: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw the directions of sample and test (radians), and whether they match, [trial] each."""

    def course(self, dice: Dice) -> Course:
        """Draw the trials: fixation, sample, delay, test. `info` also holds match [trial]."""
        on = dice.one_of(self.fixation)
        off = on + dice.one_of(self.sample_duration)
        go = off + dice.one_of(self.delay)
        end = go + dice.one_of(self.response)
        sample, test, match = self.pairs(dice.rng, dice.n_trials)
        return Course(
            stimuli=(Stimulus(sample, dice.modality(), on, off), Stimulus(test, dice.modality(), go, end)),
            go=go,
            end=end,
            fixation_off=end,
            response=np.where(match == self.responds_to_match, test, np.nan),
            facts={"match": match},
        )


class SameDirection(Match):
    """Two stimuli match if they have one direction; half of the trials match."""

    def pairs(self, rng: np.random.Generator, n_trials: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw directions from the whole ring; those that do not match are at least 20 degrees apart."""
        sample = rng.uniform(0, 2 * np.pi, n_trials)
        match = rng.integers(2, size=n_trials) == 1
        apart = rng.uniform(NEAREST_NON_MATCH, 2 * np.pi - NEAREST_NON_MATCH, n_trials)
        return sample, np.where(match, sample, sample + apart) % (2 * np.pi), match


class SameCategory(Match):
    """Two stimuli match if both lie in the same half of the ring, 0 to 180 or 180 to 360 degrees."""

    response: Choices = Field(
        (2, 4, 6), description="length of the test and of the response; published 200, 400, 600 ms (tau)"
    )

    def pairs(self, rng: np.random.Generator, n_trials: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw both directions independently from the ten; half of the trials match."""
        sample, test = rng.choice(CATEGORISED, (2, n_trials))
        return sample, test, (sample < CATEGORY) == (test < CATEGORY)


class DmsGo(SameDirection):
    """DMS: point at the second of two stimuli if it has the direction of the first; else keep fixating.

    A trial: `fixation`; the sample for `sample_duration`; `delay`; the test, which stays, as fixation does, while the
    response is given.
    """

    name: ClassVar[str] = "dmsgo"
    responds_to_match: ClassVar[bool] = True


class DmsNoGo(SameDirection):
    """DNMS: point at the second of two stimuli if it has another direction than the first; else keep fixating.

    A trial: `fixation`; the sample for `sample_duration`; `delay`; the test, which stays, as fixation does, while the
    response is given.
    """

    name: ClassVar[str] = "dmsnogo"
    responds_to_match: ClassVar[bool] = False


class DmcGo(SameCategory):
    """DMC: point at the second of two stimuli if it is of the category of the first; else keep fixating.

    A trial: `fixation`; the sample for `sample_duration`; `delay`; the test, which stays, as fixation does, while the
    response is given.
    """

    name: ClassVar[str] = "dmcgo"
    responds_to_match: ClassVar[bool] = True


class DmcNoGo(SameCategory):
    """DNMC: point at the second of two stimuli if it is of another category than the first; else keep fixating.

    A trial: `fixation`; the sample for `sample_duration`; `delay`; the test, which stays, as fixation does, while the
    response is given.
    """

    name: ClassVar[str] = "dmcnogo"
    responds_to_match: ClassVar[bool] = False
