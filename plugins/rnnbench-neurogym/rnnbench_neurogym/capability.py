"""What an environment can be used for, found by trying it, because neither its tags nor its documentation say so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from pydantic import JsonValue

from rnnbench_neurogym.drawing import Drawn, draw, reseed
from rnnbench_neurogym.environments import configured, quiet

N_TRIALS = 64
"""Number of trials examined; a response period that occurs in every third trial is missed with probability 10^-11."""

NEEDED_OPTIONS: dict[str, dict[str, JsonValue]] = {
    "AnnubesEnv-v0": {"session": {"v": 1.0, "a": 1.0}, "catch_prob": 0.5},
}
"""Examples of options for the environments that require some."""


@dataclass(frozen=True)
class Capability:
    """Properties of an environment.

    Attributes:
        n_inputs: number of observed channels.
        n_actions: number of actions, or of values of a continuous action.
        kind: whether the ground truth is one of the actions ("discrete") or a point in a box ("box").
        step_ms: the environment's own time step (ms).
        periods: names of the periods, in the order of their first starts.
        response_periods: the periods in which the ground truth ever differs from rest.
        steady: whether the ground truth is constant within each response period.
    """

    n_inputs: int
    n_actions: int
    kind: Literal["discrete", "box"]
    step_ms: float
    periods: tuple[str, ...]
    response_periods: tuple[str, ...]
    steady: bool


def usable(env_id: str, options: Mapping[str, JsonValue] | None = None) -> str | None:
    """Return why an environment is not an open-loop supervised task, or None if it is one."""
    try:
        capability(env_id, options or {}, {})
    except ValueError as error:
        return str(error)
    return None


def capability(env_id: str, options: Mapping[str, JsonValue], timing: Mapping[str, JsonValue]) -> Capability:
    """Find out what an environment can be used for.

    Args:
        env_id: id of the environment in neurogym.
        options: arguments of the environment.
        timing: durations that replace the environment's, by period.

    Raises:
        ValueError: the environment cannot be used with these arguments; the message says why.
    """
    found = _examined(env_id, json.dumps([options, timing], sort_keys=True))
    if isinstance(found, str):
        raise ValueError(found)
    return found


@cache
def _examined(env_id: str, arguments: str) -> Capability | str:
    options, timing = json.loads(arguments)
    try:
        env = configured(env_id, options, timing)
    except TypeError as error:
        return _wrong_arguments(env_id, str(error))
    except ValueError as error:
        return str(error)
    rng = np.random.default_rng(0)
    reseed(env, rng)
    try:
        drawn = [draw(env, rng) for _ in range(N_TRIALS)]
    except Exception as error:  # an environment may raise anything for arguments that it does not expect
        return f"{env_id} draws no trial with these arguments: {type(error).__name__}: {error}"
    fault = _fault(env, drawn)
    return f"{env_id} {fault}" if fault else _summary(env, drawn)


def _wrong_arguments(env_id: str, message: str) -> str:
    if "missing" in message:
        example = f", e.g. {json.dumps(NEEDED_OPTIONS[env_id])}" if env_id in NEEDED_OPTIONS else ""
        needed = re.findall(r"'(\w+)'", message)
        return f"{env_id} needs options {' and '.join(needed)}{example}"
    return f"{env_id} refuses these arguments: {message.partition('() ')[2] or message}"


def _fault(env: Any, drawn: list[Drawn]) -> str | None:
    if any(trial.ground_truth is None for trial in drawn):
        return "defines no ground truth"
    if reason := _closed_loop(env):
        return reason
    truths = np.concatenate([np.asarray(trial.ground_truth) for trial in drawn])
    if hasattr(env.unwrapped.action_space, "n") and not np.isin(truths, range(env.unwrapped.action_space.n)).all():
        return "has a ground truth that is not one of its actions"
    if (truths == truths[0]).all():
        return "has the same ground truth at every step of every trial"
    return None


def _closed_loop(env: Any) -> str | None:
    """Step through a trial with one action held, for two actions, and compare it with the trial drawn as a whole."""
    space = env.unwrapped.action_space
    with quiet():
        env.reset()  # one of gymnasium's wrappers refuses to step before a reset
    for action in (0, space.n - 1) if hasattr(space, "n") else (space.low, space.high):
        trial = draw(env, np.random.default_rng(0))
        inputs, truth = trial.inputs.copy(), np.array(trial.ground_truth)
        base = env.unwrapped
        base.t = base.t_ind = 0
        for k in range(len(inputs) - 1):
            with quiet():
                observed, _, _, _, info = env.step(action)
            if not np.array_equal(info["gt"] if "gt" in info else truth[k], truth[k]):
                return "is closed-loop: its wrapper changes the ground truth during a trial"
            if info["new_trial"]:
                break
            if not np.array_equal(observed, inputs[k + 1]):
                return "is closed-loop: its observations depend on the actions"
    return None


def _summary(env: Any, drawn: list[Drawn]) -> Capability:
    base = env.unwrapped
    discrete = hasattr(base.action_space, "n")
    # Action 0 is rest. In a box rest is the value with which all trials begin; it is NaN where they differ.
    begins = [np.asarray(trial.ground_truth)[0] for trial in drawn]
    rest = 0 if discrete else np.where(np.all(np.equal(begins, begins[0]), axis=0), begins[0], np.nan)
    spans = {
        name: [np.asarray(t.ground_truth)[slice(*t.periods[name])] for t in drawn if name in t.periods]
        for name in dict.fromkeys(name for trial in drawn for name in trial.periods)
    }
    response = tuple(name for name, truths in spans.items() if any((truth != rest).any() for truth in truths))
    return Capability(
        n_inputs=drawn[0].inputs.shape[1],
        n_actions=int(base.action_space.n if discrete else base.action_space.shape[0]),
        kind="discrete" if discrete else "box",
        step_ms=base.dt,
        periods=tuple(spans),
        response_periods=response,
        steady=all((truth == truth[:1]).all() for name in response for truth in spans[name]),
    )
