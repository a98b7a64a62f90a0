"""When a trial counts as solved."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnbench import Trials
from rnnbench_yang19 import TASKS, DmsGo, FdGo, ReactAnti
from rnnbench_yang19.ring import bump

each_task = pytest.mark.parametrize("task", [task() for task in TASKS], ids=lambda task: task.name)


def solved(outputs: list[list[float]], response: float, end: int) -> bool:
    """Accuracy of one trial [step][output] as in the methods of Yang et al. 2019: fixation and population vector."""
    fixation, *ring = outputs[end - 1]
    if math.isnan(response):
        return fixation > 0.5
    if fixation > 0.5:
        return False
    x = sum(a * math.cos(2 * math.pi * k / len(ring)) for k, a in enumerate(ring))
    y = sum(a * math.sin(2 * math.pi * k / len(ring)) for k, a in enumerate(ring))
    error = math.degrees(math.atan2(y, x) - response) % 360
    return min(error, 360 - error) < 36


@each_task
def test_as_the_formula_written_out_for_one_trial(task: FdGo) -> None:
    trials = task.sample(np.random.default_rng(3), 200, 0.5)
    rng = np.random.default_rng(4)
    outputs = rng.uniform(0, 1, trials.targets.shape)
    # half of the outputs are near the target, so that both results are common
    near = rng.random(200) < 0.5
    outputs[near] = trials.targets[near] + 0.4 * rng.standard_normal(outputs[near].shape)
    expected = [
        solved(outputs[k].tolist(), float(trials.info["response"][k]), int(trials.info["end"][k])) for k in range(200)
    ]
    assert 0.1 < np.mean(expected) < 0.9
    assert task.accuracy(outputs, trials).tolist() == expected


@each_task
@pytest.mark.parametrize("dt", [0.5, 0.2, 0.1])
def test_the_targets_solve_every_trial_and_silence_none(task: FdGo, dt: float) -> None:
    trials = task.sample(np.random.default_rng(0), 32, dt)
    assert task.accuracy(trials.targets, trials).tolist() == [1.0] * 32
    assert task.accuracy(np.zeros_like(trials.targets), trials).tolist() == [0.0] * 32


@each_task
def test_a_random_direction_is_right_in_one_of_five_responses(task: FdGo) -> None:
    trials = task.model_copy(update={"noise": 0}).sample(np.random.default_rng(0), 2000, 0.5)
    guess = np.random.default_rng(1).uniform(0, 2 * np.pi, 2000)
    outputs = np.zeros_like(trials.targets)
    outputs[:, :, 1:] = bump(guess, 32)[:, None, :]
    responds = ~np.isnan(trials.info["response"])
    accuracy = task.accuracy(outputs, trials)
    # 72 of 360 degrees; 4 standard errors over at least 900 responses
    assert accuracy[responds].mean() == pytest.approx(0.2, abs=0.053)
    assert not accuracy[~responds].any()


@each_task
def test_who_always_fixates_is_right_only_where_fixation_is_asked_for(task: FdGo) -> None:
    trials = task.sample(np.random.default_rng(0), 64, 0.5)
    outputs = trials.targets.copy()
    outputs[:, :, 0] = 0.85
    assert np.array_equal(task.accuracy(outputs, trials), np.isnan(trials.info["response"]))


def pointing(trials: Trials, degrees_off: float) -> np.ndarray:
    outputs = np.zeros(trials.targets.shape)
    outputs[:, :, 1:] = bump(trials.info["response"] + np.radians(degrees_off), 32)[:, None, :]
    return outputs


@pytest.mark.parametrize(("degrees_off", "right"), [(35, 1), (-35, 1), (37, 0), (-37, 0), (180, 0), (359, 1)])
def test_36_degrees_are_the_limit(degrees_off: float, right: float) -> None:
    task = ReactAnti()
    trials = task.sample(np.random.default_rng(0), 50, 0.2)
    assert task.accuracy(pointing(trials, degrees_off), trials).tolist() == [right] * 50


def test_only_the_last_step_of_each_trial_counts() -> None:
    task = DmsGo()
    trials = task.sample(np.random.default_rng(0), 40, 0.5)
    last = np.arange(trials.targets.shape[1]) == trials.info["end"][:, None] - 1
    assert last.sum() == 40
    assert task.accuracy(np.where(last[:, :, None], trials.targets, 7.0), trials).all()
    assert not task.accuracy(np.where(last[:, :, None], 0.0, trials.targets), trials).any()


def test_a_linear_readout_may_be_negative_and_still_point() -> None:
    task = FdGo()
    trials = task.sample(np.random.default_rng(0), 20, 0.5)
    assert task.accuracy(pointing(trials, 0) - 2, trials).all()  # the sum over the ring is negative
