"""The Match family: same direction or same category; respond or keep fixating."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import Trials
from rnnbench_yang19 import DmcGo, DmcNoGo, DmsGo, DmsNoGo
from rnnbench_yang19.match import Match
from rnnbench_yang19.ring import distance

EVERY = [DmsGo, DmsNoGo, DmcGo, DmcNoGo]
each_task = pytest.mark.parametrize("task", EVERY)


def draw(task: type[Match], n_trials: int = 4000) -> Trials:
    return task(noise=0).sample(np.random.default_rng(0), n_trials, 0.5)


@each_task
def test_half_of_the_trials_are_answered_with_the_direction_of_the_test(task: type[Match]) -> None:
    info = draw(task).info
    responds = ~np.isnan(info["response"])
    assert responds.mean() == pytest.approx(0.5, abs=0.032)  # 4 standard errors
    assert np.array_equal(info["response"][responds], info["direction"][responds, 1])


@each_task
def test_who_does_not_answer_keeps_fixating(task: type[Match]) -> None:
    trials = draw(task, 64)
    for k, response in enumerate(trials.info["response"]):
        target = trials.targets[k, trials.info["go"][k] : trials.info["end"][k]]
        assert np.allclose(target[:, 0], 0.85 if np.isnan(response) else 0.05)
        assert (target[:, 1:].max() < 0.06) == np.isnan(response)


@pytest.mark.parametrize(("go", "no_go"), [(DmsGo, DmsNoGo), (DmcGo, DmcNoGo)])
def test_the_two_tasks_of_a_pair_answer_the_opposite_trials(go: type[Match], no_go: type[Match]) -> None:
    one, other = draw(go, 200), draw(no_go, 200)
    assert np.array_equal(one.inputs, other.inputs)
    assert np.array_equal(np.isnan(one.info["response"]), ~np.isnan(other.info["response"]))


def test_dms_answers_the_same_direction_and_the_others_differ_by_20_degrees_or_more() -> None:
    info = draw(DmsGo).info
    apart = np.degrees(distance(*info["direction"].T))
    same = apart < 1e-9
    assert np.array_equal(same, info["match"])
    assert np.array_equal(same, ~np.isnan(info["response"]))
    assert 20 - 1e-9 <= apart[~same].min() < 21
    assert apart[~same].mean() == pytest.approx(100, abs=5)  # uniform from 20 to 180: 4 standard errors


def test_dmc_answers_the_same_half_of_the_ring() -> None:
    info = draw(DmcGo).info
    degrees = np.degrees(info["direction"])
    assert sorted(set(degrees.round(6).ravel())) == list(range(18, 360, 36))
    upper = degrees < 180
    assert np.array_equal(upper[:, 0] == upper[:, 1], ~np.isnan(info["response"]))
    different = info["match"] & (np.abs(degrees[:, 0] - degrees[:, 1]) > 1)
    assert different.mean() == pytest.approx(0.4, abs=0.031)  # of the matches, 4 in 5 differ in direction


@each_task
def test_the_modalities_of_sample_and_test_are_independent(task: type[Match]) -> None:
    strength = draw(task).info["strength"]
    assert np.array_equal(strength.sum(axis=2), np.ones((4000, 2)))
    assert (strength[:, 0, 0] == strength[:, 1, 0]).mean() == pytest.approx(0.5, abs=0.032)


@each_task
def test_the_test_stays_on_with_fixation(task: type[Match]) -> None:
    trials = draw(task, 32)
    for k in range(32):
        go, end = trials.info["go"][k], trials.info["end"][k]
        assert trials.inputs[k, :end, 0].all()
        assert trials.inputs[k, go:end, 1:].any(axis=1).all()
