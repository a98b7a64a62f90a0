"""The DM family: point at the stronger of two stimuli that are shown together."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rnnbench_yang19.course import Course
from rnnbench_yang19.times import Choices, Dice, Interval
from rnnbench_yang19.two_stimuli import Coherences, TwoStimuli


class Decision(TwoStimuli):
    """Both stimuli come and go together; then fixation goes off and the response begins."""

    fixation: Interval = Field((1, 4), description="time before the stimuli; published 100 to 400 ms (tau)")
    stimulus: Choices = Field((4, 8, 16), description="length of the stimuli; published 400, 800, 1600 ms (tau)")
    coherences: Coherences = Field(
        (0.01, 0.02, 0.04, 0.08), description="half the differences of strength, each with either sign"
    )

    def course(self, dice: Dice) -> Course:
        """Draw the trials: fixation, both stimuli, response."""
        on = dice.uniform(self.fixation)
        go = on + dice.one_of(self.stimulus)
        return self._course(dice, [on, on], [go, go], go)


class Dm1(Decision):
    """DM 1: point at the stronger of two stimuli, both in modality 1.

    A trial: `fixation`; both stimuli for `stimulus`; they and fixation go off and the response begins.
    """

    name: ClassVar[str] = "dm1"
    shows: ClassVar[tuple[int, ...]] = (0,)
    counts: ClassVar[tuple[int, ...]] = (0,)


class Dm2(Decision):
    """DM 2: point at the stronger of two stimuli, both in modality 2.

    A trial: `fixation`; both stimuli for `stimulus`; they and fixation go off and the response begins.
    """

    name: ClassVar[str] = "dm2"
    shows: ClassVar[tuple[int, ...]] = (1,)
    counts: ClassVar[tuple[int, ...]] = (1,)


class ContextDm1(Decision):
    """Ctx DM 1: point at the stimulus that is the stronger in modality 1; ignore how strong they are in modality 2.

    A trial: `fixation`; both stimuli in both modalities for `stimulus`; they and fixation go off, the response begins.
    """

    name: ClassVar[str] = "contextdm1"
    shows: ClassVar[tuple[int, ...]] = (0, 1)
    counts: ClassVar[tuple[int, ...]] = (0,)


class ContextDm2(Decision):
    """Ctx DM 2: point at the stimulus that is the stronger in modality 2; ignore how strong they are in modality 1.

    A trial: `fixation`; both stimuli in both modalities for `stimulus`; they and fixation go off, the response begins.
    """

    name: ClassVar[str] = "contextdm2"
    shows: ClassVar[tuple[int, ...]] = (0, 1)
    counts: ClassVar[tuple[int, ...]] = (1,)


class MultiDm(Decision):
    """MultSen DM: point at the stimulus that is the stronger in the sum of both modalities.

    A trial: `fixation`; both stimuli in both modalities for `stimulus`; they and fixation go off, the response begins.
    """

    name: ClassVar[str] = "multidm"
    shows: ClassVar[tuple[int, ...]] = (0, 1)
    counts: ClassVar[tuple[int, ...]] = (0, 1)
