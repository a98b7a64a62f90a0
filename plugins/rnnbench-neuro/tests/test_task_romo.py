"""Parametric working memory, Romo et al. 1999."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnbench import Trials
from rnnbench_neuro import Romo

DT = 0.2


def draw(task: Romo, n_trials: int = 64, dt: float = DT) -> Trials:
    return task.sample(np.random.default_rng(0), n_trials, dt)


def test_inputs_are_two_pulses_and_targets_follow() -> None:
    trials = draw(Romo())
    onset, amplitude, decision = (trials.info[key] for key in ("onset", "amplitude", "decision"))
    for trial in range(64):
        inputs, targets = np.zeros(145), np.zeros(145)
        for start, height in zip(onset[trial], amplitude[trial], strict=True):
            inputs[start : start + 5] = height
        assert decision[trial] == onset[trial, 1] + 5 + 20  # pulse 1 and decision_delay 4
        targets[decision[trial] : decision[trial] + 40] = 1  # decision 8
        assert trials.inputs[trial, :, 0] == pytest.approx(inputs)
        sign = 1 if amplitude[trial, 0] > amplitude[trial, 1] else -1
        assert np.array_equal(trials.targets[trial, :, 0], sign * targets)
        assert np.array_equal(trials.mask[trial, :, 0], targets)


@pytest.mark.parametrize("dt", [0.5, 0.2])
def test_times_are_uniform_in_the_published_intervals(dt: float) -> None:
    trials = draw(Romo(), 4000, dt)
    onset = trials.info["onset"] * dt
    gap = onset[:, 1] - onset[:, 0] - 1
    for drawn, low, high in ((onset[:, 0], 1, 3), (gap, 2, 12)):
        assert drawn.min() == pytest.approx(low)
        assert drawn.max() == pytest.approx(high)
        error = 4 * (high - low) / np.sqrt(12 * 4000)
        assert drawn.mean() == pytest.approx((low + high) / 2, abs=error)
    end = (trials.info["decision"] + round(8 / dt)).max()
    assert end <= trials.inputs.shape[1]  # the longest trial fits


@pytest.mark.parametrize(("low", "high", "least"), [(0.5, 1.5, 0.2), (0.0, 2.0, 1.5), (1.0, 1.5, 0.0)])
def test_amplitudes_are_uniform_on_the_allowed_pairs(low: float, high: float, least: float) -> None:
    task = Romo(amplitudes=(low, high), min_difference=least)
    amplitude = draw(task, 20_000, 1).info["amplitude"]
    assert amplitude.min() >= low and amplitude.max() <= high + 1e-12
    difference = np.abs(amplitude[:, 0] - amplitude[:, 1])
    assert difference.min() >= least - 1e-12
    # A uniform distribution on the two triangles means three things: either pulse is the larger equally often; the
    # difference d has P(d <= x) = 1 - ((w - x) / (w - least))^2 with w = high - low; and given d, the smaller
    # amplitude is uniform from low to high - d.
    width = high - low
    first_larger = amplitude[:, 0] > amplitude[:, 1]
    assert first_larger.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20_000))
    level = 1 - ((width - difference) / (width - least)) ** 2
    place = (amplitude.min(axis=1) - low) / (width - difference)
    for part in (level, place, level[first_larger], place[first_larger]):
        assert stats.kstest(part, "uniform").pvalue > 0.001
    assert abs(stats.spearmanr(level, place).statistic) < 4 / np.sqrt(20_000)


def test_fixation_asks_for_zero_until_the_second_pulse_ends() -> None:
    free, fixed = draw(Romo()), draw(Romo(fixate=True))
    step = np.arange(145)
    until = free.info["onset"][:, 1:] + 5
    assert np.array_equal(fixed.mask[:, :, 0] - free.mask[:, :, 0], step < until)
    assert np.array_equal(free.targets, fixed.targets)


def test_two_outputs_put_the_target_on_the_larger_pulses_channel() -> None:
    one, two = draw(Romo(target_amplitude=0.5)), draw(Romo(outputs=2, target_amplitude=0.5))
    larger = two.info["larger"]
    assert np.array_equal(larger, two.info["amplitude"].argmax(axis=1))
    trial = np.arange(64)
    assert np.array_equal(two.targets[trial, :, larger], np.abs(one.targets[:, :, 0]))
    assert not two.targets[trial, :, 1 - larger].any()


@pytest.mark.parametrize("drive", [0, 0.4, 1])
def test_drive_keeps_each_pulse_on_until_the_next(drive: float) -> None:
    trials = draw(Romo(drive=drive))
    for trial in range(64):
        (first, second), (a, b) = trials.info["onset"][trial], trials.info["amplitude"][trial]
        inputs = trials.inputs[trial, :, 0]
        assert not inputs[:first].any()
        assert inputs[first : first + 5] == pytest.approx(a)
        assert inputs[first + 5 : second] == pytest.approx(drive * a)
        assert inputs[second : second + 5] == pytest.approx(b)
        assert inputs[second + 5 :] == pytest.approx(drive * b)


@pytest.mark.parametrize("outputs", [1, 2])
def test_accuracy_is_of_the_mean_over_the_decision(outputs: int) -> None:
    task = Romo(outputs=outputs)
    trials = draw(task)
    elsewhere = np.where(trials.mask == 1, trials.targets, 7 * np.array([1, -1])[:outputs])
    assert task.accuracy(elsewhere, trials).tolist() == [1] * 64
    swapped = -trials.targets if outputs == 1 else trials.targets[:, :, ::-1]
    assert task.accuracy(swapped, trials).tolist() == [0] * 64
    always_first = np.ones_like(trials.targets) * np.array([1, 0])[:outputs]
    assert np.array_equal(task.accuracy(always_first, trials), 1 - trials.info["larger"])
