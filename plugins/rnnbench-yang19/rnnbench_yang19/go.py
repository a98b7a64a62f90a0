"""The Go family: point at a stimulus at once, when fixation goes off, or from memory."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from rnnbench_yang19.course import Course, Stimulus
from rnnbench_yang19.ring_task import RingTask
from rnnbench_yang19.times import Choices, Dice, Interval


class OneStimulus(RingTask):
    """One stimulus of random direction, in a random modality; the response lies `turn` from it."""

    turn: ClassVar[float] = 0
    """Angle from the stimulus to the response (radians)."""

    response: float = Field(5, gt=0, description="length of the response period; published 500 ms (tau)")

    @property
    def shortest_response(self) -> float:
        """The length `response` (tau)."""
        return self.response

    def _course(
        self, dice: Dice, on: np.ndarray, off: np.ndarray | None, go: np.ndarray, fixation_stays: bool = False
    ) -> Course:
        """Draw trials whose stimulus is on from `on` to `off`, [trial] each (steps); if `off` is None, to the end."""
        direction = dice.rng.uniform(0, 2 * np.pi, dice.n_trials)
        end = go + dice.always(self.response)
        return Course(
            stimuli=(Stimulus(direction, dice.modality(), on, end if off is None else off),),
            go=go,
            end=end,
            fixation_off=end if fixation_stays else go,
            response=(direction + self.turn) % (2 * np.pi),
        )


class FdGo(OneStimulus):
    """Go: keep fixating while a stimulus is on; point at it when fixation goes off.

    A trial: `fixation`; `stimulus`; fixation goes off, the stimulus stays, and the response begins.
    """

    name: ClassVar[str] = "fdgo"

    fixation: Interval = Field((3, 7), description="time before the stimulus; published 300 to 700 ms (tau)")
    stimulus: Interval = Field((5, 15), description="from the stimulus to go; published 500 to 1500 ms (tau)")

    def course(self, dice: Dice) -> Course:
        """Draw the trials: fixation, stimulus, response."""
        on = dice.uniform(self.fixation)
        return self._course(dice, on, None, go=on + dice.uniform(self.stimulus))


class ReactGo(OneStimulus):
    """RT Go: point at a stimulus as soon as it comes, though fixation stays on.

    A trial: `fixation`; the stimulus comes and stays, fixation stays too, and the response begins at once.
    """

    name: ClassVar[str] = "reactgo"

    fixation: Interval = Field((5, 25), description="time before the stimulus; published 500 to 2500 ms (tau)")

    def course(self, dice: Dice) -> Course:
        """Draw the trials: fixation, response."""
        on = dice.uniform(self.fixation)
        return self._course(dice, on, None, go=on, fixation_stays=True)


class DelayGo(OneStimulus):
    """Dly Go: remember where a stimulus was; point there when fixation goes off.

    A trial: `fixation`; `stimulus`; `delay` without it; fixation goes off and the response begins.
    """

    name: ClassVar[str] = "delaygo"

    fixation: Choices = Field((3, 5, 7), description="time before the stimulus; published 300, 500, 700 ms (tau)")
    stimulus: Choices = Field((2, 4, 6), description="length of the stimulus; published 200, 400, 600 ms (tau)")
    delay: Choices = Field(
        (2, 4, 8, 16), description="from the stimulus's end to go; published 200, 400, 800, 1600 ms (tau)"
    )

    def course(self, dice: Dice) -> Course:
        """Draw the trials: fixation, stimulus, delay, response."""
        on = dice.one_of(self.fixation)
        off = on + dice.one_of(self.stimulus)
        return self._course(dice, on, off, go=off + dice.one_of(self.delay))
