"""Context-dependent integration, Mante et al. 2013."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import Trials
from rnnbench_neuro import Mante

DT = 0.2
TIME = np.arange(240) * DT + DT / 2
STIMULUS = (TIME > 3) & (TIME < 23)
DECISION = TIME > 28


def draw(task: Mante, n_trials: int = 64, dt: float = DT) -> Trials:
    return task.sample(np.random.default_rng(0), n_trials, dt)


def test_periods_of_inputs_targets_and_mask() -> None:
    trials = draw(Mante(noise=0))
    context, coherence, choice = (trials.info[key] for key in ("context", "coherence", "choice"))
    assert np.array_equal(trials.inputs[:, :, :2], np.eye(2)[context][:, None, :] * STIMULUS[None, :, None])
    assert np.array_equal(trials.inputs[:, :, 2:], coherence[:, None, :] * STIMULUS[None, :, None])
    assert np.array_equal(trials.targets[:, :, 0], choice[:, None] * DECISION)
    assert np.array_equal(trials.mask[:, :, 0], np.tile(DECISION | (TIME < 23), (64, 1)))


def test_without_fixation_only_the_decision_counts() -> None:
    trials = draw(Mante(fixate=False))
    assert np.array_equal(trials.mask[:, :, 0], np.tile(DECISION, (64, 1)))


def test_the_choice_is_the_sign_in_the_context_alone() -> None:
    info = draw(Mante(), 4000).info
    relevant = np.take_along_axis(info["coherence"], info["context"][:, None], axis=1)[:, 0]
    other = np.take_along_axis(info["coherence"], 1 - info["context"][:, None], axis=1)[:, 0]
    assert np.array_equal(info["choice"], np.sign(relevant))
    # 4 standard errors of a mean of signs over 4000 trials are 0.063
    assert abs((info["choice"] * np.sign(other)).mean()) < 0.063
    assert abs(info["choice"].mean()) < 0.063
    assert abs(info["context"].mean() - 0.5) < 0.032


def test_coherences_are_the_published_ones_equally_often() -> None:
    values, counts = np.unique(draw(Mante(), 4000).info["coherence"], return_counts=True)
    assert values.tolist() == [-1, -0.5, -0.25, -0.125, 0.125, 0.25, 0.5, 1]
    assert counts / 8000 == pytest.approx(1 / 8, abs=0.015)  # 4 standard errors


@pytest.mark.parametrize("dt", [0.5, 0.2])
def test_noise_is_white_and_scales_with_the_step(dt: float) -> None:
    trials = draw(Mante(), 400, dt)
    noise = trials.inputs[:, : round(3 / dt), 2:].astype(float)  # before the stimulus
    tail = trials.inputs[:, round(23 / dt) :, 2:].astype(float)  # after it
    # a standard deviation over n numbers has standard error 1 / sqrt(2 n): 2 % is 4 of them for n = 4800
    assert noise.std() == pytest.approx(0.05 / np.sqrt(dt), rel=0.045)
    assert tail.std() == pytest.approx(0.05 / np.sqrt(dt), rel=0.02)
    assert abs(np.corrcoef(tail[:, 1:].ravel(), tail[:, :-1].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(tail[:, :, 0].ravel(), tail[:, :, 1].ravel())[0, 1]) < 0.03
    assert not trials.inputs[:, : round(3 / dt), :2].any()  # the context is not noisy


def test_drive_keeps_context_and_coherence_on() -> None:
    silent = draw(Mante(noise=0, context_amplitude=2))
    driven = draw(Mante(noise=0, context_amplitude=2, drive=0.25))
    assert np.array_equal(silent.inputs[:, TIME < 23], driven.inputs[:, TIME < 23])
    assert not silent.inputs[:, TIME > 23].any()
    during = silent.inputs[:, [100]]
    assert np.array_equal(driven.inputs[:, TIME > 23], np.tile(0.25 * during, (1, 125, 1)))


def test_accuracy_is_of_the_mean_over_the_decision() -> None:
    task = Mante()
    trials = draw(task)
    noisy = trials.targets.copy()
    noisy[:, ::3] *= -1  # a third wrong, the mean still right
    noisy[:, TIME < 28] = -5 * trials.info["choice"][:, None, None]  # before the decision: not counted
    assert task.accuracy(noisy, trials).tolist() == [1] * 64
