"""Conversion of times in tau to steps."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench_neuro.timing import between, draw_steps, some_steps, steps


@pytest.mark.parametrize("dt", [0.5, 0.3, 0.2, 0.1, 0.05, 1 / 3, 0.01])
def test_a_whole_number_of_steps_is_just_that(dt: float) -> None:
    assert [steps(k * dt, dt) for k in range(2000)] == list(range(2000))


def test_half_a_step_is_rounded_up_whatever_the_floating_point() -> None:
    # 0.25 / 0.1 = 2.5 and 0.35 / 0.1 = 3.4999999999999996 are both half steps
    assert steps(0.25, 0.1) == 3
    assert steps(0.35, 0.1) == 4
    assert steps(0.24, 0.1) == 2
    assert steps(0.36, 0.1) == 4


def test_a_short_pulse_does_not_vanish() -> None:
    assert steps(0.1, 0.5) == 0
    assert some_steps(0.1, 0.5) == 1


def test_drawn_steps_are_rounded_uniform_times() -> None:
    drawn = draw_steps(np.random.default_rng(0), (1, 3), 100_000, 0.5)
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [2, 3, 4, 5, 6]
    # half a step is rounded to each end, so ends are half as frequent; 5 standard errors of a share of 1/4 are 0.007
    assert counts / 100_000 == pytest.approx([1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8], abs=0.007)


def test_windows_have_their_start_and_not_their_stop() -> None:
    window = between(np.array([0, 2]), np.array([1, 9]), 5)
    assert window.tolist() == [[True, False, False, False, False], [False, False, True, True, True]]
    assert between(1, 3, 4).tolist() == [[False, True, True, False]]
