"""Romo: compare two pulses over a delay (Romo et al. 1999)."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import Task, Trials
from rnnbench_neuro.timing import Drive, Interval, between, draw_steps, some_steps, steps


class Romo(Task):
    """Say which of two pulses was the larger: +1 the first, -1 the second.

    A trial: a random fixation; the first pulse; a random delay; the second pulse; `decision_delay`; the
    decision, during which the answer is asked for. All trials have the length of the longest; after its
    decision a trial has no target. After each pulse `drive` of it stays on until the next, or to the end.
    With two outputs the channel of the larger pulse goes to the target and the other to 0, as in
    Schuessler et al. 2020 (arXiv 2006.11036: fixation 3, delay 2 to 8, decision_delay 5, decision 10,
    target_amplitude 0.5, fixate).
    """

    name, version = "romo", 1
    source = (
        "Romo, Brody, Hernandez, Lemus, Nature 1999; "
        "parameters of Schuessler, Mastrogiuseppe, Ostojic, Barak, eLife 2024"
    )

    fixation: Interval = Field((1, 3), description="smallest and largest time before the first pulse (tau)")
    pulse_duration: float = Field(1, gt=0, description="length of each pulse (tau)")
    delay: Interval = Field(
        (2, 12), description="smallest and largest time from the first pulse's end to the second pulse (tau)"
    )
    decision_delay: float = Field(4, ge=0, description="from the second pulse's end to the decision (tau)")
    decision: float = Field(8, gt=0, description="length of the decision (tau)")
    amplitudes: Interval = Field((0.5, 1.5), description="smallest and largest height of a pulse")
    min_difference: float = Field(0.2, ge=0, description="smallest difference between the two heights")
    target_amplitude: float = Field(1, gt=0, description="absolute value of the target")
    outputs: Literal[1, 2] = Field(1, description="1: sign of first minus second; 2: a channel for each pulse")
    fixate: bool = Field(False, description="ask for output 0 from the start to the second pulse's end")
    drive: Drive = 0

    @model_validator(mode="after")
    def _heights_can_differ(self) -> Self:
        room = self.amplitudes[1] - self.amplitudes[0]
        if self.min_difference >= room:
            raise ValueError(f"min_difference {self.min_difference} must be below the width of amplitudes, {room}")
        return self

    @property
    def n_inputs(self) -> int:
        """One input, which carries both pulses."""
        return 1

    @property
    def n_outputs(self) -> int:
        """One or two outputs, as set by `outputs`."""
        return self.outputs

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials.

        `info` holds amplitude [trial, 2] and onset [trial, 2] (steps) of the pulses, decision [trial] (steps), and
        larger [trial], which is 0 if the first pulse is the larger one and 1 if the second is.
        """
        pulse, decision_delay = some_steps(self.pulse_duration, dt), steps(self.decision_delay, dt)
        decision = some_steps(self.decision, dt)
        longest = steps(self.fixation[1], dt) + steps(self.delay[1], dt)
        n_steps = longest + 2 * pulse + decision_delay + decision

        first = draw_steps(rng, self.fixation, n_trials, dt)
        second = first + pulse + draw_steps(rng, self.delay, n_trials, dt)
        start = second + pulse + decision_delay
        amplitude = self._amplitudes(rng, n_trials)
        larger = (amplitude[:, 1] > amplitude[:, 0]).astype(np.int64)

        asked = between(start, start + decision, n_steps)
        mask = asked | between(0, second + pulse, n_steps) if self.fixate else asked
        return Trials(
            inputs=self._inputs(amplitude, first, second, pulse, n_steps)[:, :, None],
            targets=asked[:, :, None] * self._answer(larger)[:, None, :],
            mask=mask[:, :, None].astype(np.float32),
            info={
                "amplitude": amplitude,
                "onset": np.stack([first, second], axis=1),
                "decision": start,
                "larger": larger,
            },
        )

    def _amplitudes(self, rng: np.random.Generator, n_trials: int) -> np.ndarray:
        """Heights [trial, 2], uniform on all pairs in the range that differ by at least `min_difference`."""
        # The allowed pairs form two triangles on both sides of a forbidden diagonal band. Without the band they
        # would form a square, so draw in that square and then raise the larger number by the band's width.
        low, high = self.amplitudes
        pair = rng.uniform(low, high - self.min_difference, size=(n_trials, 2))
        return pair + self.min_difference * (pair > pair[:, ::-1])

    def _inputs(
        self, amplitude: np.ndarray, first: np.ndarray, second: np.ndarray, pulse: int, n_steps: int
    ) -> np.ndarray:
        """Each pulse at full height, then at `drive` times that until the next pulse or the end, [trial, time]."""
        now = between(second, n_steps, n_steps)
        height = np.where(now, amplitude[:, 1:], amplitude[:, :1] * between(first, n_steps, n_steps))
        full = between(first, first + pulse, n_steps) | between(second, second + pulse, n_steps)
        return np.asarray(height * np.where(full, 1, self.drive), np.float32)

    def _answer(self, larger: np.ndarray) -> np.ndarray:
        """Target during the decision, [trial, output] float32."""
        answers = [[1], [-1]] if self.outputs == 1 else [[1, 0], [0, 1]]
        return np.asarray(self.target_amplitude * np.array(answers)[larger], np.float32)

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Return 1 for each trial whose mean output over the decision is right, else 0: [trial].

        One output is right if it has the right sign, two if the larger one is on the right channel.
        """
        answer = outputs[:, :, 0] if self.outputs == 1 else outputs[:, :, 0] - outputs[:, :, 1]
        # Outside the decision all targets are 0; within it one of them is not.
        asked = trials.targets.any(axis=2)
        sign = 1 - 2 * trials.info["larger"]
        return np.asarray(sign * (answer * asked).sum(axis=1) > 0, float)
