"""The flip-flop task of Sussillo & Barak 2013."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import Trials
from rnnbench_neuro import FlipFlop


def draw(task: FlipFlop, n_trials: int = 32, dt: float = 0.5, seed: int = 0) -> Trials:
    return task.sample(np.random.default_rng(seed), n_trials, dt)


def walk(inputs: np.ndarray, delay: int, amplitude: float) -> tuple[np.ndarray, np.ndarray]:
    """A slow reference: targets and mask from the inputs of a task without drive, step by step."""
    targets, mask = np.zeros_like(inputs), np.zeros_like(inputs)
    for trial in range(inputs.shape[0]):
        for channel in range(inputs.shape[2]):
            sign, since = 0.0, 0
            for step in range(inputs.shape[1]):
                now = inputs[trial, step, channel]
                before = inputs[trial, step - 1, channel] if step > 0 else 0
                since += 1
                if now != 0 and before == 0:
                    sign, since = np.sign(now), 0
                if sign != 0 and since >= delay:
                    targets[trial, step, channel] = amplitude * sign
                    mask[trial, step, channel] = 1
    return targets, mask


@pytest.mark.parametrize("dt", [0.5, 0.2])
@pytest.mark.parametrize(
    "task",
    [
        FlipFlop(),
        FlipFlop(channels=2, duration=50, target_amplitude=0.5, decision_delay=5, pulse_interval=(5, 25)),
        FlipFlop(channels=4, pulse_duration=2, decision_delay=0.6, pulse_interval=(2, 2), pulse_amplitude=3),
        FlipFlop(channels=1),
    ],
    ids=["2024", "2020", "crowded", "one bit"],
)
def test_targets_and_mask_follow_from_the_inputs(task: FlipFlop, dt: float) -> None:
    trials = draw(task, 16, dt)
    targets, mask = walk(trials.inputs, round(task.decision_delay / dt), task.target_amplitude)
    assert np.array_equal(trials.targets, targets)
    assert np.array_equal(trials.mask, mask)


@pytest.mark.parametrize("dt", [0.5, 0.2])
def test_pulses_come_when_published(dt: float) -> None:
    onset = draw(FlipFlop(), 4000, dt).info["onset"] * dt
    assert onset[:, 0].min() == 0
    assert onset[:, 0].max() == pytest.approx(1)
    # uniform in 0 to 1: mean 1/2, 4 standard errors 0.02
    assert onset[:, 0].mean() == pytest.approx(0.5, abs=0.03)
    gaps = np.diff(onset, axis=1)
    assert gaps[:, :2] == pytest.approx(2 + dt)  # decision_delay and one step
    assert gaps[:, 2:].min() == pytest.approx(5)  # decision_delay + 3
    assert gaps[:, 2:].max() == pytest.approx(12)  # decision_delay + 10
    assert gaps[:, 2:].mean() == pytest.approx(8.5, abs=0.08)
    assert (onset[:, -1] >= 25).all()  # enough pulses to fill every trial


def test_each_channel_is_visited_once_and_then_any() -> None:
    info = draw(FlipFlop(), 4000).info
    channel = info["channel"]
    assert np.array_equal(np.sort(channel[:, :3], axis=1), np.tile([0, 1, 2], (4000, 1)))
    orders, counts = np.unique(channel[:, :3], axis=0, return_counts=True)
    assert len(orders) == 6
    # 4 standard errors of a share of 1/6 over 4000 trials are 0.024, of 1/3 0.03
    assert counts / 4000 == pytest.approx(1 / 6, abs=0.024)
    assert np.bincount(channel[:, 3]) / 4000 == pytest.approx(1 / 3, abs=0.03)
    assert (channel[:, 3] == channel[:, 2]).any()  # the same channel twice running
    assert abs(info["sign"].mean()) < 0.03


def test_every_channel_has_a_value_before_the_first_free_pulse() -> None:
    trials = draw(FlipFlop(), 200)
    fourth = trials.info["onset"][:, 3]
    for trial in range(200):
        assert trials.mask[trial, fourth[trial] - 1].all()


def test_inputs_are_the_pulses_told_in_info() -> None:
    trials = draw(FlipFlop(pulse_amplitude=0.8), dt=0.2)
    expected = np.zeros_like(trials.inputs)
    onset, channel, sign = (trials.info[key] for key in ("onset", "channel", "sign"))
    for trial, pulse in np.ndindex(onset.shape):
        start = onset[trial, pulse]
        expected[trial, start : start + 5, channel[trial, pulse]] = 0.8 * sign[trial, pulse]
    assert trials.inputs == pytest.approx(expected)


def test_a_pulse_elsewhere_leaves_a_channel_alone() -> None:
    trials = draw(FlipFlop(), 200)
    onset, channel = trials.info["onset"], trials.info["channel"]
    seen = 0
    for trial in range(200):
        for pulse in range(3, onset.shape[1]):
            start = onset[trial, pulse]
            if start >= trials.inputs.shape[1]:
                continue
            others = np.arange(3) != channel[trial, pulse]
            assert trials.mask[trial, start, others].all()
            now, before = trials.targets[trial, start, others], trials.targets[trial, start - 1, others]
            assert np.array_equal(now, before)
            seen += 1
    assert seen > 200


def test_drive_stays_on_until_the_channels_next_pulse() -> None:
    silent, driven = draw(FlipFlop(pulse_amplitude=2)), draw(FlipFlop(pulse_amplitude=2, drive=0.25))
    in_pulse = silent.inputs != 0
    assert np.array_equal(silent.inputs[in_pulse], driven.inputs[in_pulse])
    assert set(np.abs(silent.inputs[in_pulse])) == {2}
    held = (silent.mask == 1) & ~in_pulse
    assert np.array_equal(driven.inputs[held], 0.5 * silent.targets[held])
    assert set(np.abs(driven.inputs[~in_pulse])) == {0, 0.5}  # 0 before a channel's first pulse only


def test_accuracy_is_the_fraction_of_right_signs() -> None:
    task = FlipFlop()
    trials = draw(task)
    first_channel_wrong = trials.targets * [-1, 1, 1]
    expected = 1 - trials.mask[:, :, 0].sum(axis=1) / trials.mask.sum(axis=(1, 2))
    assert task.accuracy(first_channel_wrong, trials) == pytest.approx(expected)
    assert task.accuracy(0.01 * trials.targets, trials).tolist() == [1] * 32
