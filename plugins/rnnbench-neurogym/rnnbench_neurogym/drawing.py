"""Draws whole trials from an environment, with no randomness but a given generator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from rnnbench_neurogym.environments import layers, quiet


@dataclass(frozen=True)
class Drawn:
    """One trial as neurogym makes it.

    inputs        [time, input]
    ground_truth  [time] index of the right action, or [time, value] where actions are continuous; None if undefined
    periods       first step and the step after the last, by name; periods may overlap
    facts         what the environment says of the trial in numbers, e.g. its coherence
    """

    inputs: np.ndarray
    ground_truth: np.ndarray | None
    periods: Mapping[str, tuple[int, int]]
    facts: Mapping[str, float]


def reseed(env: Any, rng: np.random.Generator) -> None:
    """Give every source of randomness in an environment a stream of its own.

    An environment's own `seed(s)` hands the same s to all its truncated-exponential durations, and a schedule's
    to all its environments, so that what should be independent is the same number over and over. `reset(seed=s)`
    does not reach them at all.
    """

    def seed() -> int:
        return int(rng.integers(2**32))

    for layer in layers(env):
        own = vars(layer)
        if "timing" in own:
            layer.seed(seed())
            for duration in own["timing"].values():
                if hasattr(duration, "seed"):
                    duration.seed(seed())
        if "schedule" in own:
            own["schedule"].seed(seed())
        if "_rng" in own:  # AnnubesEnv's, which its seed() leaves alone
            layer._rng = np.random.default_rng(seed())


def draw(env: Any, rng: np.random.Generator) -> Drawn:
    """One trial, independent of the trials before it.

    Made by the outermost layer's `new_trial`, because wrappers take part: they choose the modality or the odds.
    """
    _forget(env, rng)
    with quiet():
        trial = env.new_trial()
    base = env.unwrapped
    return Drawn(
        inputs=np.asarray(getattr(base, "ob", np.zeros((0, 0)))),
        ground_truth=np.asarray(base.gt) if base._has_gt else None,
        periods={name: (base.start_ind[name], base.end_ind[name]) for name in base.start_ind},
        facts={name: float(value) for name, value in trial.items() if isinstance(value, Real)},
    )


def _forget(env: Any, rng: np.random.Generator) -> None:
    """Put the trial to come anywhere in the blocks of an environment, and drop the last trial's periods.

    rnnbench starts every trial from rest: a block that trials share is part of each trial's chance. Without this
    the first block or modality would fill every small batch.
    """
    for layer in layers(env):
        own = vars(layer)
        if "schedule" in own:
            schedule = own["schedule"]
            schedule.i, schedule.count = int(rng.integers(schedule.n)), 0
            if "next_i_env" in own:
                layer.next_i_env = schedule.i
        if "trial_in_block" in own:  # HierarchicalReasoning
            layer.rule, layer.trial_in_block = int(rng.integers(2)), 0
        if "start_ind" in own:
            for times in (layer.start_t, layer.end_t, layer.start_ind, layer.end_ind):
                times.clear()
