"""The Go and Anti families: one stimulus, a response to it or to the opposite side."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import Trials
from rnnbench_yang19 import DelayAnti, DelayGo, FdAnti, FdGo, ReactAnti, ReactGo
from rnnbench_yang19.go import OneStimulus

PAIRS = [(FdGo, FdAnti), (ReactGo, ReactAnti), (DelayGo, DelayAnti)]


def draw(task: OneStimulus, n_trials: int = 64, dt: float = 0.5) -> Trials:
    return task.sample(np.random.default_rng(0), n_trials, dt)


@pytest.mark.parametrize(("go", "anti"), PAIRS)
def test_anti_is_go_with_the_ring_of_targets_turned_by_half(go: type[OneStimulus], anti: type[OneStimulus]) -> None:
    one, other = draw(go()), draw(anti())
    assert np.array_equal(one.inputs, other.inputs)
    assert np.array_equal(one.mask, other.mask)
    assert np.array_equal(one.targets[:, :, 0], other.targets[:, :, 0])
    # atol: float32
    np.testing.assert_allclose(np.roll(one.targets[:, :, 1:], 16, axis=2), other.targets[:, :, 1:], atol=1e-6)


@pytest.mark.parametrize("task", [FdGo, ReactGo, DelayGo])
def test_the_peak_of_the_answer_is_the_peak_of_the_stimulus(task: type[OneStimulus]) -> None:
    trials = draw(task(noise=0))
    seen = (trials.inputs[:, :, 1:33] + trials.inputs[:, :, 33:]).max(axis=1)
    answered = trials.targets[np.arange(64), trials.info["end"] - 1, 1:]
    np.testing.assert_allclose(0.05 + seen, answered, atol=1e-6)  # float32


@pytest.mark.parametrize("task", [FdGo, ReactGo, DelayGo])
def test_the_stimulus_is_in_one_modality_each_as_often(task: type[OneStimulus]) -> None:
    strength = draw(task(), 4000).info["strength"][:, 0]
    assert set(map(tuple, strength)) == {(1, 0), (0, 1)}
    assert strength[:, 0].mean() == pytest.approx(0.5, abs=0.032)  # 4 standard errors


def test_directions_are_uniform() -> None:
    direction = draw(FdGo(), 4000).info["direction"][:, 0]
    counts = np.histogram(direction, bins=8, range=(0, 2 * np.pi))[0]
    assert counts.sum() == 4000
    assert counts / 4000 == pytest.approx(1 / 8, abs=0.021)  # 4 standard errors


def test_what_is_on_during_the_response() -> None:
    """Go: the stimulus only. RT Go: stimulus and fixation. Dly Go: neither, since the stimulus is remembered."""
    for task, fixation, stimulus in [(FdGo, 0, True), (ReactGo, 1, True), (DelayGo, 0, False)]:
        trials = draw(task(noise=0))
        for k in range(64):
            response = trials.inputs[k, trials.info["go"][k] : trials.info["end"][k]]
            assert set(response[:, 0]) == {fixation}
            assert response[:, 1:].any(axis=1).all() == stimulus
            assert response[:, 1:].any() == stimulus


def test_before_go_nothing_tells_whether_to_answer_but_the_stimulus_is_there() -> None:
    trials = draw(DelayGo(noise=0))
    for k in range(64):
        on, off, go = (int(trials.info[name][k].item()) for name in ("onset", "offset", "go"))
        assert trials.inputs[k, :go, 0].all()
        assert not trials.inputs[k, :on, 1:].any() and not trials.inputs[k, off:go, 1:].any()
        assert trials.inputs[k, on:off, 1:].any(axis=1).all()
