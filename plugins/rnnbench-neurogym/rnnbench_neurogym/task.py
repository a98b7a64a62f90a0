"""Any open-loop supervised task of neurogym, by its own id."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, JsonValue, field_validator, model_validator

from rnnbench import Task, Trials
from rnnbench_neurogym.capability import Capability, capability
from rnnbench_neurogym.drawing import Drawn, draw, reseed
from rnnbench_neurogym.environments import BY_FRAME_MS, check_id, check_name, configured
from rnnbench_neurogym.weighting import asked, weights

Duration = Annotated[float, Field(ge=0)] | list[Any]
Encoding = Literal["one_hot", "index", "box"]


class Neurogym(Task):
    """A task of neurogym: what the environment shows is the input, its ground truth the target.

    Trials are whole and of neurogym's making; one shorter than the longest of its batch is padded with steps that
    nothing asks about. The steps of the response periods share one weight in the loss, all other steps another;
    for `grace` after the start and the end of a response period anything goes. Where neurogym goes through blocks
    of trials, each trial stands in a block drawn at random, because a network starts every trial at rest.
    `python -m rnnbench_neurogym` lists the environments with their periods, and those that cannot be used.
    """

    name, version = "neurogym", 1
    source = (
        "neurogym 2.3.1; Molano-Mazón, Barbosa, Pastor-Ciurana, Fradera, Zhang, Forest, del Pozo Lerida, Ji-An, "
        "Cueva, de la Rocha, Narain, Yang, NeuroGym: an open resource for developing and sharing neuroscience tasks, "
        "PsyArXiv 2022; each environment names the paper that it is after"
    )

    env: str = Field(description="id of the environment in neurogym, e.g. PerceptualDecisionMaking-v0")
    timing: dict[str, Duration] = Field(
        {},
        description="durations that replace the environment's, by period: a number, a list to choose from, or "
        'a distribution such as ["uniform", [200, 500]] (ms)',
    )
    options: dict[str, JsonValue] = Field({}, description="other arguments of the environment, e.g. {sigma: 0.5}")
    tau_ms: float = Field(100, gt=0, description="time constant of a unit; a time step is dt * tau_ms (ms)")
    response_periods: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="periods in which a response is asked for; by default those in which the ground truth is ever "
        "anything but rest",
    )
    grace: float = Field(
        0.5, ge=0, description="after the start and the end of a response period, in which anything goes (tau)"
    )
    fixation_weight: float = Field(1, ge=0, description="weight in the loss of all steps that ask for rest, together")
    response_weight: float = Field(1, gt=0, description="weight in the loss of all steps that ask for a response")
    ground_truth: Encoding | None = Field(
        None,
        description="one_hot: an output for each action; index: one output with its number; box: the values of a "
        "continuous action; by default what the environment has, discrete actions one_hot",
    )

    @field_validator("env")
    @classmethod
    def _known(cls, env: str) -> str:
        check_id(env)
        return env

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found = self._capability
        if self.ground_truth is not None and (self.ground_truth == "box") != (found.kind == "box"):
            right = "box" if found.kind == "box" else "one_hot or index"
            raise ValueError(
                f"ground_truth {self.ground_truth}: the actions of {self.env} are {found.kind}; use {right}"
            )
        for period in self.response_periods or ():
            check_name("response_periods", period, found.periods)
        return self

    @cached_property
    def _capability(self) -> Capability:
        return capability(self.env, self.options, self.timing)

    @property
    def n_inputs(self) -> int:
        """The channels that the environment shows."""
        return self._capability.n_inputs

    @property
    def n_outputs(self) -> int:
        """One output for each action, one for the index of the action, or one for each value of a continuous action."""
        return 1 if self.ground_truth == "index" else self._capability.n_actions

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials.

        `info` holds response [trial, time], the number (from 1) of the response period that counts at a step or 0, and
        the numbers with which the environment describes all trials, under its own names, each [trial].
        """
        step_ms = round(dt * self.tau_ms, 9)
        # A new environment (1 ms) for each batch, so that nothing is left over from earlier batches.
        env = configured(self.env, self.options, self.timing, step_ms)
        self._check_step(env, step_ms, dt)
        reseed(env, rng)
        drawn = [draw(env, rng) for _ in range(n_trials)]

        n_steps = max(len(trial.inputs) for trial in drawn)
        inputs = np.zeros((n_trials, n_steps, self.n_inputs), np.float32)
        targets = np.zeros((n_trials, n_steps, self.n_outputs), np.float32)
        mask = np.zeros((n_trials, n_steps, 1), np.float32)
        response = np.zeros((n_trials, n_steps), np.int16)
        for i, trial in enumerate(drawn):
            during = slice(len(trial.inputs))
            inputs[i, during] = trial.inputs
            targets[i, during] = self._encoded(trial.ground_truth)
            response[i, during], counted = asked(len(trial.inputs), self._responses(trial, dt), self._steps(dt))
            mask[i, during, 0] = weights(response[i, during], counted, self.fixation_weight, self.response_weight)
        return Trials(inputs, targets, mask, {"response": response, **_common_facts(drawn)})

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray | None:
        """Return the fraction of each trial's responses that are right, [trial].

        The action taken is the one whose output, averaged over the steps of a response that count, is the largest; with
        ground_truth index it is the nearest number. Returns None if actions are continuous or if the ground truth
        changes within a response.
        """
        if self._capability.kind == "box" or not self._capability.steady:
            return None
        response = trials.info["response"]
        right, given = np.zeros(len(outputs)), np.zeros(len(outputs))
        for number in range(1, response.max() + 1):
            during = (response == number)[:, :, None]
            given += during.any(axis=(1, 2))
            answer, truth = (
                self._action((x * during).sum(axis=1) / during.sum(axis=1).clip(1)) for x in (outputs, trials.targets)
            )
            right += during.any(axis=(1, 2)) & (answer == truth)
        return right / given

    def _action(self, mean: np.ndarray) -> np.ndarray:
        """The action [trial] that mean outputs [trial, output] stand for."""
        return np.rint(mean[:, 0]) if self.ground_truth == "index" else mean.argmax(axis=1)

    def _encoded(self, truth: np.ndarray | None) -> np.ndarray:
        """A trial's ground truth as targets [time, output]."""
        assert truth is not None  # environments without one are refused
        if self._capability.kind == "box":
            return truth
        return truth[:, None] if self.ground_truth == "index" else np.eye(self.n_outputs)[truth]

    def _responses(self, trial: Drawn, dt: float) -> dict[int, tuple[int, int]]:
        """First step and the step after the last of each response period of a trial, by the number of the period."""
        names = self.response_periods or self._capability.response_periods
        found = {k: trial.periods[name] for k, name in enumerate(names, start=1) if name in trial.periods}
        if not found:
            raise ValueError(f"{self.env}: a trial has none of the response periods {', '.join(names)}")
        for k, (start, stop) in found.items():
            if stop - start <= self._steps(dt):
                fault = f"{names[k - 1]} lasts {stop - start} steps, of which a grace of {self._steps(dt)} leaves none"
                raise ValueError(f"{self.env}: {fault}; set grace below {self.grace:g} or tau_ms below {self.tau_ms:g}")
        return found

    def _steps(self, dt: float) -> int:
        """The grace in steps; half a step is rounded up, and 1e-9 keeps 0.25 / 0.1 from being rounded down."""
        return math.floor(self.grace / dt + 0.5 + 1e-9)

    def _check_step(self, env: Any, step_ms: float, dt: float) -> None:
        """Raise ValueError if a time step is longer than some event of the task, which would vanish silently."""
        frame = BY_FRAME_MS.get(self.env, step_ms)
        if not math.isclose(step_ms, frame, rel_tol=1e-6):
            fault = f"has a ground truth for frames of {frame:g} ms, but a time step is {step_ms:g} ms"
            raise ValueError(f"{self.env} {fault}; with dt {dt:g} set tau_ms to {frame / dt:g}")
        shortest = {
            name: min(_lengths(env.unwrapped.timing[name]), default=step_ms)
            for name in self._capability.periods
            if name in env.unwrapped.timing
        }
        for name, length in shortest.items():
            if length < step_ms:
                fault = f"{name} can last {length:g} ms and would vanish, because a time step is {step_ms:g} ms"
                raise ValueError(f"{self.env}: {fault}; with dt {dt:g} set tau_ms to {length / dt:g} or less")


def _lengths(duration: Any) -> list[float]:
    """The durations above 0 (ms) that one value of a timing lists; none if it is a distribution."""
    if isinstance(duration, list | tuple) and len(duration) == 2 and duration[0] == "choice":
        duration = duration[1]
    named = duration if isinstance(duration, list | tuple) else [duration]
    return [x for x in named if isinstance(x, int | float) and x > 0]


def _common_facts(drawn: list[Drawn]) -> dict[str, np.ndarray]:
    """The numbers with which the environment describes every trial of a batch, by name, each [trial]."""
    names = set.intersection(*(set(trial.facts) for trial in drawn)) - {"response"}
    return {name: np.array([trial.facts[name] for trial in drawn]) for name in sorted(names)}
