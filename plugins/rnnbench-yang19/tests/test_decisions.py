"""The decision families: which of two stimuli is the stronger, and what must be ignored."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import Trials
from rnnbench_yang19 import (
    ContextDelayDm1,
    ContextDelayDm2,
    ContextDm1,
    ContextDm2,
    DelayDm1,
    DelayDm2,
    Dm1,
    Dm2,
    MultiDelayDm,
    MultiDm,
)
from rnnbench_yang19.ring import distance
from rnnbench_yang19.two_stimuli import TwoStimuli

SINGLE = [(Dm1, 0), (Dm2, 1), (DelayDm1, 0), (DelayDm2, 1)]
CONTEXT = [(ContextDm1, 0), (ContextDm2, 1), (ContextDelayDm1, 0), (ContextDelayDm2, 1)]
MULTI = [MultiDm, MultiDelayDm]
TOGETHER = [Dm1, Dm2, ContextDm1, ContextDm2, MultiDm]
APART = [DelayDm1, DelayDm2, ContextDelayDm1, ContextDelayDm2, MultiDelayDm]


def draw(task: TwoStimuli, n_trials: int = 4000, dt: float = 0.5) -> Trials:
    return task.sample(np.random.default_rng(0), n_trials, dt)


def facts(task: TwoStimuli, n_trials: int = 4000) -> dict[str, np.ndarray]:
    # without noise, which is slow to draw and does not affect info
    return dict(draw(task.model_copy(update={"noise": 0}), n_trials).info)


@pytest.mark.parametrize(("task", "modality"), SINGLE + CONTEXT)
def test_the_stronger_in_its_modality_wins(task: type[TwoStimuli], modality: int) -> None:
    info = facts(task())
    first_wins = info["strength"][:, 0, modality] > info["strength"][:, 1, modality]
    assert np.array_equal(info["response"], np.where(first_wins, info["direction"][:, 0], info["direction"][:, 1]))
    assert first_wins.mean() == pytest.approx(0.5, abs=0.032)  # 4 standard errors


@pytest.mark.parametrize(("task", "modality"), SINGLE)
def test_the_other_ring_is_empty(task: type[TwoStimuli], modality: int) -> None:
    trials = draw(task(noise=0), 32)
    rings = trials.inputs[:, :, 1:].reshape(32, -1, 2, 32)
    assert not rings[:, :, 1 - modality].any()
    assert rings[:, :, modality].any(axis=(1, 2)).all()


@pytest.mark.parametrize(("task", "modality"), CONTEXT)
def test_the_other_modality_is_as_strong_and_tells_nothing(task: type[TwoStimuli], modality: int) -> None:
    strength = facts(task())["strength"]
    evidence = strength[:, 0] - strength[:, 1]
    assert set(np.abs(evidence[:, 0]).round(6)) == set(np.abs(evidence[:, 1]).round(6))
    agree = np.sign(evidence[:, modality]) == np.sign(evidence[:, 1 - modality])
    assert agree.mean() == pytest.approx(0.5, abs=0.032)


def test_context_1_and_2_differ_in_nothing_but_what_counts() -> None:
    for one, two in [(ContextDm1, ContextDm2), (ContextDelayDm1, ContextDelayDm2)]:
        first, second = draw(one(), 64), draw(two(), 64)
        assert np.array_equal(first.inputs, second.inputs)
        assert not np.array_equal(first.info["choice"], second.info["choice"])


@pytest.mark.parametrize("task", MULTI)
def test_the_stronger_in_the_sum_wins_where_one_modality_alone_misleads(task: type[TwoStimuli]) -> None:
    info = facts(task())
    total = info["strength"].sum(axis=2)
    assert np.array_equal(info["choice"], (total[:, 1] > total[:, 0]).astype(int))
    assert np.array_equal(info["response"], np.where(info["choice"] == 0, *info["direction"].T))
    for modality in range(2):
        alone = (info["strength"][:, 1, modality] > info["strength"][:, 0, modality]) == info["choice"]
        assert 0.5 < alone.mean() < 0.85  # better than chance, but far from enough
    split = np.abs(info["strength"][:, :, 0] - info["strength"][:, :, 1]) / (total / 2)
    assert split.min() >= 0.2 - 1e-9 and split.max() <= 0.8 + 1e-9
    assert split.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("task", TOGETHER + APART)
def test_strengths_and_coherences_are_the_published_ones(task: type[TwoStimuli]) -> None:
    strength = facts(task())["strength"]
    each = strength.mean(axis=2, keepdims=True) if task in MULTI else strength[:, :, list(task.counts)]
    coherence = np.abs(each[:, 0] - each[:, 1]) / 2
    published = [0.01, 0.02, 0.04, 0.08] if task in TOGETHER else [0.08, 0.16, 0.32]
    values, counts = np.unique(coherence.round(9), return_counts=True)
    assert values.tolist() == published
    assert counts / coherence.size == pytest.approx(1 / len(published), abs=0.03)  # 4 standard errors
    mean = each.mean(axis=1)
    assert mean.min() >= 0.8 and mean.max() <= 1.2
    assert mean.mean() == pytest.approx(1, abs=0.008)  # 4 standard errors of a uniform of width 0.4


@pytest.mark.parametrize("task", [Dm1, ContextDelayDm2, MultiDm])
def test_the_stimuli_lie_90_to_270_degrees_apart_in_both_modalities(task: type[TwoStimuli]) -> None:
    direction = facts(task())["direction"]
    apart = np.degrees(distance(direction[:, 0], direction[:, 1]))
    assert apart.min() >= 90 - 1e-9 and apart.max() <= 180
    assert apart.mean() == pytest.approx(135, abs=1.7)  # uniform from 90 to 180: 4 standard errors
    clockwise = (direction[:, 1] - direction[:, 0]) % (2 * np.pi) < np.pi
    assert clockwise.mean() == pytest.approx(0.5, abs=0.032)


@pytest.mark.parametrize("task", TOGETHER)
def test_both_come_and_go_together(task: type[TwoStimuli]) -> None:
    info = facts(task(), 64)
    assert np.array_equal(info["onset"][:, 0], info["onset"][:, 1])
    assert np.array_equal(info["offset"], np.stack([info["go"]] * 2, axis=1))


@pytest.mark.parametrize("task", APART)
def test_one_comes_after_the_other(task: type[TwoStimuli]) -> None:
    info = facts(task(), 64)
    assert (info["offset"][:, 0] < info["onset"][:, 1]).all()
    assert (info["offset"][:, 1] < info["go"]).all()
    trials = draw(task(noise=0), 64)
    for k in range(64):
        for stimulus in range(2):
            seen = trials.inputs[k, info["onset"][k, stimulus], 1:].reshape(2, 32)
            peak = seen.sum(axis=0).argmax() * 2 * np.pi / 32
            assert distance(peak, info["direction"][k, stimulus]) <= np.pi / 32 + 1e-6
