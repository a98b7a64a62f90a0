"""The fixed-point task of Schuessler et al. 2024."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench_neuro import FixedPoints

DT = 0.2


def draw(n_trials: int = 32, **parameters: object):  # type: ignore[no-untyped-def]
    task = FixedPoints(**parameters)  # type: ignore[arg-type]
    trials = task.sample(np.random.default_rng(0), n_trials, DT)
    return task, trials, np.arange(trials.inputs.shape[1]) * DT + DT / 2


def test_pulse_then_silence_then_loss() -> None:
    _, trials, time = draw()
    sign = trials.info["sign"][:, None]
    assert np.array_equal(trials.inputs[:, :, 0], sign * (time < 1))
    assert np.array_equal(trials.targets[:, :, 0], sign * 0.5 * (time > 10))
    assert np.array_equal(trials.mask[:, :, 0], np.broadcast_to(time > 10, (32, 100)))


def test_only_the_pulsed_channel_is_driven_and_the_others_are_to_be_zero() -> None:
    _, trials, time = draw(channels=3, drive=0.3, pulse_amplitude=2, target_amplitude=0.7)
    onehot = np.eye(3)[trials.info["channel"]] * trials.info["sign"][:, None]
    course = np.where(time < 1, 2, 0.6)
    assert trials.inputs == pytest.approx(onehot[:, None, :] * course[None, :, None])
    assert trials.targets == pytest.approx(0.7 * onehot[:, None, :] * (time > 10)[None, :, None])
    assert trials.mask.shape == (32, 100, 1)  # the same for every channel


def test_a_pulse_of_one_step_has_the_area_of_its_amplitude() -> None:
    _, trials, _ = draw(pulse="one_step", pulse_amplitude=1.5, drive=0.1)
    pulse = np.abs(trials.inputs[:, :, 0])
    assert pulse[:, 0] * DT == pytest.approx(1.5)
    assert pulse[:, 1:] == pytest.approx(0.15)


def test_signs_and_channels_are_fair_and_independent() -> None:
    _, trials, _ = draw(20_000, channels=2)
    sign, channel = trials.info["sign"], trials.info["channel"]
    # 4 standard errors of a mean of signs over 20 000 trials are 0.028
    assert abs(sign.mean()) < 0.028
    assert abs((2 * channel - 1).mean()) < 0.028
    assert abs((sign * (2 * channel - 1)).mean()) < 0.028


def test_accuracy_asks_for_more_than_half_the_target() -> None:
    task, trials, _ = draw(channels=2)
    assert task.accuracy(0.51 * trials.targets, trials).tolist() == [1] * 32
    assert task.accuracy(0.49 * trials.targets, trials).tolist() == [0] * 32
    other_channel = trials.targets[:, :, ::-1]
    assert task.accuracy(other_channel, trials).tolist() == [0] * 32
    before_the_loss = np.where(trials.mask == 0, -9, trials.targets)
    assert task.accuracy(before_the_loss, trials).tolist() == [1] * 32


def test_balanced_trials_have_both_signs_equally_often():
    trials = FixedPoints(balanced=True).sample(np.random.default_rng(0), 6, 0.5)
    assert trials.info["sign"].tolist() == [1, -1, 1, -1, 1, -1]
    np.testing.assert_array_equal(trials.inputs[0::2], -trials.inputs[1::2])
