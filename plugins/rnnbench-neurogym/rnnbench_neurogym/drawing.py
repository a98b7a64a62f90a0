"""Draws whole trials from an environment, with a given generator as the only source of randomness."""

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

    Attributes:
        inputs: [time, input].
        ground_truth: index of the right action [time], or [time, value] for continuous actions; None if undefined.
        periods: first step and the step after the last, by name; periods may overlap.
        facts: numbers with which the environment describes the trial, such as its coherence.
    """

    inputs: np.ndarray
    ground_truth: np.ndarray | None
    periods: Mapping[str, tuple[int, int]]
    facts: Mapping[str, float]


def reseed(env: Any, rng: np.random.Generator) -> None:
    """Seed every source of randomness in an environment independently.

    An environment's own `seed(s)` passes the same s to all its truncated-exponential durations, and a schedule passes
    it to all its environments, so that numbers that should be independent are equal. `reset(seed=s)` does not reach
    them at all.
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
        if "_rng" in own:  # the generator of AnnubesEnv, which its seed() does not change
            layer._rng = np.random.default_rng(seed())


def draw(env: Any, rng: np.random.Generator) -> Drawn:
    """Draw one trial, independent of the trials before it.

    It is drawn by the outermost wrapper's `new_trial`, because some wrappers choose the modality or the odds.
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
    """Put the next trial at a random position in the environment's blocks, and drop the last trial's periods.

    rnnbench starts every trial from rest, so the block of a trial is drawn at random like everything else. Otherwise
    small batches would contain the first block or modality only.
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
