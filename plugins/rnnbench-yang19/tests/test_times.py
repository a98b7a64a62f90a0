"""Times of the paper (ms) and their conversion to steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from rnnbench_yang19 import TASKS
from rnnbench_yang19.times import Dice

SHORT, LONG = {200, 400, 600}, {200, 400, 800, 1600}

PUBLISHED_MS: dict[str, list[set[int] | tuple[int, int]]] = {
    "fdgo": [(300, 700), (500, 1500), {500}],
    "reactgo": [(500, 2500), {500}],
    "delaygo": [{300, 500, 700}, SHORT, LONG, {500}],
    "dm1": [(100, 400), {400, 800, 1600}, {500}],
    "delaydm1": [SHORT, SHORT, LONG, SHORT, (100, 300), {500}],
    "dmsgo": [SHORT, SHORT, LONG, {500}],
    "dmcgo": [SHORT, SHORT, LONG, SHORT],
}
"""Periods of a trial in order, from the authors' code. A set: one of these times; a pair: uniform between them."""

LIKE = {
    "fdgo": ["fdanti"],
    "reactgo": ["reactanti"],
    "delaygo": ["delayanti"],
    "dm1": ["dm2", "contextdm1", "contextdm2", "multidm"],
    "delaydm1": ["delaydm2", "contextdelaydm1", "contextdelaydm2", "multidelaydm"],
    "dmsgo": ["dmsnogo"],
    "dmcgo": ["dmcnogo"],
}
"""Tasks with the same times."""

CASES = [(name, periods) for head, periods in PUBLISHED_MS.items() for name in [head, *LIKE[head]]]
BY_NAME = {task.name: task for task in TASKS}


def boundaries(info: Mapping[str, np.ndarray]) -> np.ndarray:
    """Ends of the periods of each trial (steps), [trial, period]."""
    ends = np.column_stack([info["onset"], info["offset"], info["go"], info["end"]])
    return np.array([sorted(set(row)) for row in ends.tolist()])


@pytest.mark.parametrize(("name", "periods"), CASES)
@pytest.mark.parametrize("dt", [0.5, 0.2, 0.1])
def test_periods_are_the_published_ones(name: str, periods: list[set[int] | tuple[int, int]], dt: float) -> None:
    trials = BY_NAME[name](noise=0).sample(np.random.default_rng(0), 600, dt)
    drawn = 100 * dt * np.diff(boundaries(trials.info), axis=1, prepend=0)  # ms: tau is 100 ms
    assert drawn.shape == (600, len(periods))
    for column, published in zip(drawn.T, periods, strict=True):
        if isinstance(published, set):
            values, counts = np.unique(column.round(6), return_counts=True)
            assert set(values) == published
            # equally often: 5 standard errors of a fraction p over 600 trials
            p = 1 / len(published)
            assert counts / 600 == pytest.approx(p, abs=5 * (p * (1 - p) / 600) ** 0.5 + 1e-9)
        else:
            low, high = published
            half_a_step = 50 * dt
            assert low - half_a_step <= column.min() <= low + 0.05 * (high - low) + half_a_step
            assert high - 0.05 * (high - low) - half_a_step <= column.max() <= high + half_a_step
            # uniform: 5 standard errors of its mean
            assert column.mean() == pytest.approx((low + high) / 2, abs=5 * (high - low) / (12 * 600) ** 0.5)


def test_a_period_shorter_than_half_a_step_is_not_lost() -> None:
    dice = Dice(np.random.default_rng(0), 5, 1.0, common=False)
    assert dice.always(0.2).tolist() == [1] * 5
    assert dice.one_of((0.1, 0.3)).tolist() == [1] * 5
    assert dice.uniform((0.1, 0.3)).tolist() == [1] * 5


def test_half_a_step_is_rounded_up_whatever_the_binary_fraction() -> None:
    dice = Dice(np.random.default_rng(0), 1, 0.1, common=False)
    assert dice.always(0.25).tolist() == [3]  # 0.25 / 0.1 is 2.4999999999999996
    assert dice.always(0.3).tolist() == [3]
