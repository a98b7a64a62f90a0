"""Cycling: rotate forwards or backwards (Russo et al. 2018)."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import Task, Trials
from rnnbench_neuro.timing import Drive, some_steps, steps


class Cycling(Task):
    """Rotate in the direction that a pulse tells, on and on.

    A trial: at time 0 a pulse on the channel of the direction (0: forwards, 1: backwards), then `drive` of
    it; from `delay` to the end the outputs (sin(+-2 pi f t), cos(2 pi f t)), with t from the movement's
    start. Half of a batch goes forwards, half backwards, in random order. Schuessler et al. count the loss
    at every fifth step only; here at every step.
    """

    name, version = "cycling", 1
    source = (
        "Russo, Bittner, Perkins et al., Neuron 2018; "
        "parameters of Schuessler, Mastrogiuseppe, Ostojic, Barak, eLife 2024"
    )

    pulse_duration: float = Field(1, gt=0, description="length of the pulse (tau)")
    delay: float = Field(1, ge=0, description="from the pulse's onset to the movement (tau)")
    movement: float = Field(71, gt=0, description="length of the movement, at the trial's end (tau)")
    frequency: float = Field(0.1, gt=0, description="rotations in a unit of time (1/tau)")
    pulse_amplitude: float = Field(1, gt=0, description="height of the pulse")
    target_amplitude: float = Field(1, gt=0, description="radius of the rotation")
    drive: Drive = 0

    @model_validator(mode="after")
    def _pulse_ends(self) -> Self:
        duration = self.delay + self.movement
        if self.pulse_duration > duration:
            raise ValueError(
                f"pulse_duration {self.pulse_duration} must be at most the trial's length, "
                f"delay + movement = {duration} (tau)"
            )
        return self

    @property
    def n_inputs(self) -> int:
        """Two inputs, one for each direction."""
        return 2

    @property
    def n_outputs(self) -> int:
        """Two outputs, the sine and the cosine."""
        return 2

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials; `info` holds direction [trial], +1 forwards and -1 backwards."""
        start = steps(self.delay, dt)
        n_moving = some_steps(self.movement, dt)
        n_steps = start + n_moving
        # Directions alternate and are then shuffled. With an odd number of trials the extra one has a random direction.
        backwards = rng.permutation((np.arange(n_trials) + rng.integers(2)) % 2)
        direction = 1 - 2 * backwards

        course = np.full(n_steps, self.drive * self.pulse_amplitude, np.float32)
        course[: some_steps(self.pulse_duration, dt)] = self.pulse_amplitude
        inputs = np.einsum("ni,t->nti", np.eye(2, dtype=np.float32)[backwards], course)

        phase = 2 * np.pi * self.frequency * dt * np.arange(n_moving)
        targets = np.zeros((n_trials, n_steps, 2), np.float32)
        targets[:, start:, 0] = direction[:, None] * (self.target_amplitude * np.sin(phase))
        targets[:, start:, 1] = self.target_amplitude * np.cos(phase)
        mask = np.zeros((n_trials, n_steps, 1), np.float32)
        mask[:, start:] = 1
        return Trials(inputs, targets, mask, {"direction": direction})

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Return 1 for each trial whose output (x, y) turns the right way, else 0: [trial].

        The sense of rotation is the sign of the mean of x dy - y dx over the movement. The phase does not count, since
        an output rotated by a fixed angle turns the same way.
        """
        x, y = outputs[:, :, 0], outputs[:, :, 1]
        turned = x[:, :-1] * y[:, 1:] - y[:, :-1] * x[:, 1:]  # = x dy - y dx
        moving = trials.mask[:, :-1, 0] * trials.mask[:, 1:, 0]
        # (sin, cos) of a growing phase turns clockwise, where x dy - y dx is negative.
        return np.asarray(trials.info["direction"] * (turned * moving).sum(axis=1) < 0, float)
