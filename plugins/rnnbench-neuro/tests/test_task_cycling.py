"""Cycling, Russo et al. 2018."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import Trials
from rnnbench_neuro import Cycling


def draw(task: Cycling, n_trials: int = 32, dt: float = 0.2, seed: int = 0) -> Trials:
    return task.sample(np.random.default_rng(seed), n_trials, dt)


@pytest.mark.parametrize("dt", [0.5, 0.2])
def test_pulse_then_rotation(dt: float) -> None:
    trials = draw(Cycling(), dt=dt)
    direction = trials.info["direction"]
    time = np.arange(round(72 / dt)) * dt
    pulse = (time + dt / 2 < 1)[None, :]
    moving = time + dt / 2 > 1
    assert np.array_equal(trials.inputs[:, :, 0], (direction[:, None] == 1) * pulse)
    assert np.array_equal(trials.inputs[:, :, 1], (direction[:, None] == -1) * pulse)
    phase = 2 * np.pi * 0.1 * (time - 1)
    # float32 targets
    assert trials.targets[:, :, 0] == pytest.approx(direction[:, None] * np.sin(phase) * moving, abs=1e-6)
    assert trials.targets[:, :, 1] == pytest.approx(np.tile(np.cos(phase) * moving, (32, 1)), abs=1e-6)
    assert np.array_equal(trials.mask[:, :, 0], np.tile(moving, (32, 1)))


def test_one_turn_takes_ten_tau() -> None:
    targets = draw(Cycling(), dt=0.5).targets
    assert targets[:, 2:124] == pytest.approx(targets[:, 22:144], abs=1e-5)


@pytest.mark.parametrize("n_trials", [2, 32, 33])
def test_directions_are_balanced_and_shuffled(n_trials: int) -> None:
    sums = {int(draw(Cycling(), n_trials, seed=seed).info["direction"].sum()) for seed in range(50)}
    assert sums == ({0} if n_trials % 2 == 0 else {-1, 1})
    firsts = [draw(Cycling(), n_trials, seed=seed).info["direction"][0] for seed in range(400)]
    assert abs(np.mean(firsts)) < 4 / np.sqrt(400)


@pytest.mark.parametrize("drive", [0, 0.3, 1])
def test_drive_keeps_the_direction_on(drive: float) -> None:
    trials = draw(Cycling(drive=drive, pulse_amplitude=2), dt=0.5)
    assert trials.inputs.sum(axis=2)[:, :2] == pytest.approx(2)
    assert trials.inputs.sum(axis=2)[:, 2:] == pytest.approx(2 * drive)
    assert (trials.inputs == 0).any(axis=2).all()  # the other direction's channel is silent


def test_accuracy_is_the_sense_of_rotation() -> None:
    task = Cycling()
    trials = draw(task)
    mirrored = trials.targets * np.array([-1, 1])
    assert task.accuracy(mirrored, trials).tolist() == [0] * 32
    # a negated rotation is the same rotation half a turn later
    assert task.accuracy(-trials.targets, trials).tolist() == [1] * 32
    always_forwards = trials.targets[trials.info["direction"] == 1][:1].repeat(32, axis=0)
    assert np.array_equal(task.accuracy(always_forwards, trials), trials.info["direction"] == 1)
    before_the_movement = trials.targets.copy()
    before_the_movement[:, :5] = 100 * mirrored[:, 20:25]
    assert task.accuracy(before_the_movement, trials).tolist() == [1] * 32
