"""The sine generator of Sussillo & Barak 2013."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnbench import Trials
from rnnbench_neuro import ComplexSine


def draw(task: ComplexSine, n_trials: int = 32, dt: float = 0.2) -> Trials:
    return task.sample(np.random.default_rng(0), n_trials, dt)


@pytest.mark.parametrize("dt", [0.5, 0.2])
def test_constant_input_and_a_sine_of_its_frequency(dt: float) -> None:
    trials = draw(ComplexSine(), dt=dt)
    x = trials.info["x"]
    time = np.arange(round(50 / dt)) * dt
    assert trials.inputs[:, :, 0] == pytest.approx(np.tile((x + 0.25)[:, None], (1, len(time))))
    frequency = 0.04 + 0.16 * x
    assert trials.info["frequency"] == pytest.approx(frequency)
    expected = np.sin(2 * np.pi * frequency[:, None] * time)
    assert trials.targets[:, :, 0] == pytest.approx(expected, abs=1e-6)  # float32
    assert (trials.mask == 1).all()


def test_the_amplitudes_scale() -> None:
    one, two = draw(ComplexSine()), draw(ComplexSine(input_amplitude=2, target_amplitude=0.5))
    assert two.inputs == pytest.approx(2 * one.inputs)
    assert two.targets == pytest.approx(0.5 * one.targets)


def test_x_is_uniform() -> None:
    x = draw(ComplexSine(), 20_000, 25).info["x"]
    assert stats.kstest(x, "uniform").pvalue > 0.001


@pytest.mark.parametrize("drive", [0, 0.3, 1])
def test_below_full_drive_the_input_falls_after_the_pulse(drive: float) -> None:
    trials = draw(ComplexSine(drive=drive))
    full = (trials.info["x"] + 0.25)[:, None]
    assert trials.inputs[:, :5, 0] == pytest.approx(np.tile(full, (1, 5)))
    assert trials.inputs[:, 5:, 0] == pytest.approx(np.tile(drive * full, (1, 245)))
