"""Complex sine: oscillate at the frequency that the input sets (Sussillo & Barak 2013)."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import Task, Trials
from rnnbench_neuro.timing import Drive, Interval, some_steps


class ComplexSine(Task):
    """Oscillate at the frequency that a constant input tells.

    A trial: with x uniform in 0 to 1, the input is x + input_offset throughout (with `drive` below 1 it
    falls to that fraction after `pulse_duration`), and the output sin(2 pi f t) is asked for from the start,
    f growing in proportion from the lowest to the highest frequency as x goes from 0 to 1.
    """

    name, version = "complex_sine", 1
    source = (
        "Sussillo & Barak, Neural Computation 2013 (sine wave generator); "
        "parameters of Schuessler, Mastrogiuseppe, Ostojic, Barak, eLife 2024"
    )

    duration: float = Field(50, gt=0, description="length of a trial (tau)")
    frequencies: Interval = Field((0.04, 0.2), description="lowest and highest frequency (1/tau)")
    input_offset: float = Field(0.25, ge=0, description="added to x, so that no trial is without input")
    input_amplitude: float = Field(1, gt=0, description="input for x + input_offset = 1")
    target_amplitude: float = Field(1, gt=0, description="amplitude of the oscillation")
    pulse_duration: float = Field(1, gt=0, description="time at full input before drive sets in (tau)")
    drive: Drive = 1

    @model_validator(mode="after")
    def _pulse_ends(self) -> Self:
        if self.pulse_duration > self.duration:
            raise ValueError(f"pulse_duration {self.pulse_duration} must be at most duration {self.duration} (tau)")
        return self

    @property
    def n_inputs(self) -> int:
        """One input, which sets the frequency."""
        return 1

    @property
    def n_outputs(self) -> int:
        """One output, the oscillation."""
        return 1

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials; `info` holds x [trial] from 0 to 1 and frequency [trial] (1/tau)."""
        n_steps = some_steps(self.duration, dt)
        x = rng.random(n_trials)
        low, high = self.frequencies
        frequency = low + (high - low) * x

        course = np.full(n_steps, self.drive, np.float32)
        course[: some_steps(self.pulse_duration, dt)] = 1
        level = (self.input_amplitude * (x + self.input_offset)).astype(np.float32)
        time = dt * np.arange(n_steps)
        wave = self.target_amplitude * np.sin(2 * np.pi * frequency[:, None] * time)
        return Trials(
            inputs=np.einsum("n,t->nt", level, course)[:, :, None],
            targets=wave[:, :, None].astype(np.float32),
            mask=np.ones((n_trials, n_steps, 1), np.float32),
            info={"x": x, "frequency": frequency},
        )
