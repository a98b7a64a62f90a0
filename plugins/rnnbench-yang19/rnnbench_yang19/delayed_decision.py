"""The Dly DM family: point at the stronger of two stimuli that are shown one after the other."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rnnbench_yang19.course import Course
from rnnbench_yang19.times import Choices, Dice, Interval
from rnnbench_yang19.two_stimuli import Coherences, TwoStimuli


class DelayedDecision(TwoStimuli):
    """One stimulus, a delay, the other stimulus, a short wait; then fixation goes off and the response begins."""

    fixation: Choices = Field((2, 4, 6), description="time before the first; published 200, 400, 600 ms (tau)")
    stimulus: Choices = Field(
        (2, 4, 6), description="length of each stimulus, drawn for itself; published 200, 400, 600 ms (tau)"
    )
    delay: Choices = Field(
        (2, 4, 8, 16), description="from the first to the second; published 200, 400, 800, 1600 ms (tau)"
    )
    wait: Interval = Field((1, 3), description="from the second's end to go; published 100 to 300 ms (tau)")
    coherences: Coherences = Field(
        (0.08, 0.16, 0.32), description="half the differences of strength, each with either sign"
    )

    def course(self, dice: Dice) -> Course:
        """Draw the trials: fixation, first stimulus, delay, second stimulus, wait, response."""
        first_on = dice.one_of(self.fixation)
        first_off = first_on + dice.one_of(self.stimulus)
        second_on = first_off + dice.one_of(self.delay)
        second_off = second_on + dice.one_of(self.stimulus)
        go = second_off + dice.uniform(self.wait)
        return self._course(dice, [first_on, second_on], [first_off, second_off], go)


class DelayDm1(DelayedDecision):
    """Dly DM 1: point at the stronger of two stimuli, both in modality 1, one after the other.

    A trial: `fixation`; the first `stimulus`; `delay`; the second `stimulus`; `wait`; fixation goes off, the response
    begins.
    """

    name: ClassVar[str] = "delaydm1"
    shows: ClassVar[tuple[int, ...]] = (0,)
    counts: ClassVar[tuple[int, ...]] = (0,)


class DelayDm2(DelayedDecision):
    """Dly DM 2: point at the stronger of two stimuli, both in modality 2, one after the other.

    A trial: `fixation`; the first `stimulus`; `delay`; the second `stimulus`; `wait`; fixation goes off, the response
    begins.
    """

    name: ClassVar[str] = "delaydm2"
    shows: ClassVar[tuple[int, ...]] = (1,)
    counts: ClassVar[tuple[int, ...]] = (1,)


class ContextDelayDm1(DelayedDecision):
    """Ctx Dly DM 1: of two stimuli in both modalities, one after the other, point at the stronger in modality 1.

    A trial: `fixation`; the first `stimulus`; `delay`; the second `stimulus`; `wait`; fixation goes off, the response
    begins. Strengths in modality 2 are to be ignored.
    """

    name: ClassVar[str] = "contextdelaydm1"
    shows: ClassVar[tuple[int, ...]] = (0, 1)
    counts: ClassVar[tuple[int, ...]] = (0,)


class ContextDelayDm2(DelayedDecision):
    """Ctx Dly DM 2: of two stimuli in both modalities, one after the other, point at the stronger in modality 2.

    A trial: `fixation`; the first `stimulus`; `delay`; the second `stimulus`; `wait`; fixation goes off, the response
    begins. Strengths in modality 1 are to be ignored.
    """

    name: ClassVar[str] = "contextdelaydm2"
    shows: ClassVar[tuple[int, ...]] = (0, 1)
    counts: ClassVar[tuple[int, ...]] = (1,)


class MultiDelayDm(DelayedDecision):
    """MultSen Dly DM: of two stimuli, one after the other, point at the stronger in the sum of both modalities.

    A trial: `fixation`; the first `stimulus`; `delay`; the second `stimulus`; `wait`; fixation goes off, the response
    begins.
    """

    name: ClassVar[str] = "multidelaydm"
    shows: ClassVar[tuple[int, ...]] = (0, 1)
    counts: ClassVar[tuple[int, ...]] = (0, 1)
