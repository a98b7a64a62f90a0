"""Base class of the 20 tasks: rings, noise, loss mask and accuracy."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import Task, Trials
from rnnbench_yang19.course import Course
from rnnbench_yang19.noise import gaussian
from rnnbench_yang19.ring import distance, population_vector
from rnnbench_yang19.times import Dice

TOLERANCE = 0.2 * np.pi
"""A response is right if its error is below this (radians): 36 degrees."""

FIXATES_ABOVE = 0.5
"""The network is fixating if its fixation output is above this."""


class RingTask(Task):
    """A task of Yang et al. 2019: fixate while it is asked for, then point at a direction on a ring.

    A trial of one task may be shorter than the longest of its batch: it then ends, and nothing after its end counts.
    A subclass says in `course` what happens.
    """

    version: ClassVar[int] = 1
    source: ClassVar[str] = (
        "Yang, Joglekar, Song, Newsome, Wang, Nature Neuroscience 2019 (22:297), methods; times from the authors' code"
    )

    ring: int = Field(32, ge=8, description="units of each ring: two rings of inputs, one of outputs")
    noise: float = Field(
        0.01,
        ge=0,
        description="sigma of the noise on every input: each step Normal with std sigma sqrt(2/dt) (tau^0.5)",
    )
    grace: float = Field(
        1, gt=0, description="from the trial's start, and from go, this long nothing counts; published 100 ms (tau)"
    )
    response_weight: float = Field(5, gt=0, description="weight of the response in the loss; before go it is 1")
    fixation_weight: float = Field(2, gt=0, description="weight of the fixation output relative to one of the ring's")
    common_times: bool = Field(
        False,
        description="all trials of a batch share their times and modalities, as in the authors' code; "
        "false: each trial draws its own, so that any batch shows the whole task",
    )

    @model_validator(mode="after")
    def _response_counts(self) -> Self:
        if self.shortest_response <= self.grace:
            raise ValueError(
                f"response {self.shortest_response} must be longer than grace {self.grace}, or none of it would count"
            )
        return self

    @property
    @abstractmethod
    def shortest_response(self) -> float:
        """The shortest response period (tau)."""

    @abstractmethod
    def course(self, dice: Dice) -> Course:
        """Draw the events of each trial."""

    @property
    def n_inputs(self) -> int:
        """The fixation input and the rings of modalities 1 and 2."""
        return 1 + 2 * self.ring

    @property
    def n_outputs(self) -> int:
        """The fixation output and the response ring."""
        return 1 + self.ring

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials; the time axis is as long as the longest of them.

        `info` holds, with times in steps and directions in radians, direction [trial, stimulus], strength [trial,
        stimulus, modality], onset and offset [trial, stimulus], go [trial], end [trial], and response [trial], which
        is NaN where the network is to keep fixating. Some tasks add facts, which their `course` documents.
        """
        dice = Dice(rng, n_trials, dt, self.common_times)
        course = self.course(dice)
        inputs = course.inputs(self.ring)
        if self.noise > 0:
            inputs += gaussian(rng, inputs.shape, self.noise * (2 / dt) ** 0.5)
        grace = int(dice.always(self.grace)[0])
        mask = course.mask(self.ring, grace, self.response_weight, self.fixation_weight)
        return Trials(inputs, course.targets(self.ring), mask, course.info)

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Return 1 for each trial whose last step is right, else 0: [trial].

        Where the network is to keep fixating, the fixation output must be above 0.5. Where a response is asked for, it
        must not be above 0.5, and the population vector of the ring must be less than 36 degrees from the target.
        """
        last = outputs[np.arange(len(outputs)), trials.info["end"] - 1]
        fixates = last[:, 0] > FIXATES_ABOVE
        response = trials.info["response"]
        points_right = distance(population_vector(last[:, 1:]), response) < TOLERANCE
        return np.where(np.isnan(response), fixates, ~fixates & points_right).astype(float)
