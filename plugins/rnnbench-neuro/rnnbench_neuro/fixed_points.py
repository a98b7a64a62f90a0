"""Fixed points: keep the sign of one pulse (Schuessler et al. 2024)."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import Task, Trials
from rnnbench_neuro.timing import Drive, some_steps, steps


class FixedPoints(Task):
    """Keep the sign of a pulse on the channel where it came, and zero on the others.

    A trial: at time 0 a pulse of random sign on one random channel; then `drive` for the rest; from
    `loss_start` to the end the sign is asked for.
    """

    name, version = "fixed_points", 1
    source = "Schuessler, Mastrogiuseppe, Ostojic, Barak, eLife 2024 (fixed points)"

    channels: int = Field(1, ge=1, description="memories, each with one input and one output")
    duration: float = Field(20, gt=0, description="length of a trial (tau)")
    loss_start: float = Field(10, ge=0, description="time from which the output is asked for (tau)")
    pulse: Literal["unit_time", "one_step"] = Field(
        "unit_time",
        description="unit_time: `pulse_amplitude` for `pulse_duration`; one_step: one time step of "
        "`pulse_amplitude` / dt, the same area for every dt",
    )
    pulse_duration: float = Field(1, gt=0, description="length of a pulse of unit_time (tau)")
    pulse_amplitude: float = Field(1, gt=0, description="height of the pulse; drive is relative to it")
    target_amplitude: float = Field(0.5, gt=0, description="absolute value of the target")
    drive: Drive = 0
    balanced: bool = Field(
        False, description="signs alternate from trial to trial, so that a batch of even size has both equally often"
    )

    @model_validator(mode="after")
    def _periods_in_order(self) -> Self:
        if self.loss_start >= self.duration:
            raise ValueError(f"loss_start {self.loss_start} must be below duration {self.duration} (tau)")
        if self.pulse == "unit_time" and self.pulse_duration > self.loss_start:
            raise ValueError(
                f"pulse_duration {self.pulse_duration} must be at most loss_start {self.loss_start} (tau); "
                "for an input that stays on use drive"
            )
        return self

    @property
    def n_inputs(self) -> int:
        """One input for each channel."""
        return self.channels

    @property
    def n_outputs(self) -> int:
        """One output for each channel."""
        return self.channels

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials; `info` holds channel [trial] of the pulse and sign [trial], -1 or +1."""
        loss_start = steps(self.loss_start, dt)
        n_steps = max(steps(self.duration, dt), loss_start + 1)
        channel = rng.integers(self.channels, size=n_trials)
        sign = 2 * rng.integers(2, size=n_trials) - 1
        if self.balanced:
            sign = 1 - 2 * (np.arange(n_trials) % 2)
        pattern = np.zeros((n_trials, self.channels), np.float32)
        pattern[np.arange(n_trials), channel] = sign

        mask = np.zeros((n_trials, n_steps, 1), np.float32)
        mask[:, loss_start:] = 1
        targets = np.zeros((n_trials, n_steps, self.channels), np.float32)
        targets[:, loss_start:] = np.float32(self.target_amplitude) * pattern[:, None, :]
        return Trials(
            inputs=np.einsum("ni,t->nti", pattern, self._time_course(n_steps, dt)),
            targets=targets,
            mask=mask,
            info={"channel": channel, "sign": sign},
        )

    def _time_course(self, n_steps: int, dt: float) -> np.ndarray:
        """Input to the pulsed channel for sign +1, [time]."""
        course = np.full(n_steps, self.drive * self.pulse_amplitude, np.float32)
        if self.pulse == "one_step":
            course[0] = self.pulse_amplitude / dt
        else:
            course[: some_steps(self.pulse_duration, dt)] = self.pulse_amplitude
        return course

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Return 1 where the pulsed channel's mean output is nearer to its target than to 0, else 0: [trial].

        The mean is over the loss window. For sign s and target amplitude a, a mean m is nearer to s a than to 0 if
        and only if s m > a / 2.
        """
        pulsed = np.take_along_axis(outputs, trials.info["channel"][:, None, None], axis=2)[:, :, 0]
        asked = trials.mask[:, :, 0]
        mean = (pulsed * asked).sum(axis=1) / asked.sum(axis=1)
        return np.asarray(trials.info["sign"] * mean > self.target_amplitude / 2, float)
