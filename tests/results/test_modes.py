"""The mode index in the 2x2 model, where it is known whether B was learnt by rotation or by formation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnbench.reports.claims.theory import two_by_two as model
from rnnbench.results.modes import mode_index, rotation_angle


def outputs_after(m: np.ndarray, drive: float) -> np.ndarray:
    """Final outputs (z_A, z_B) of the 2x2 model for both signs of A's input: 1 for 1 tau, then `drive` [2, 2]."""
    dt, n_steps = 0.1, 600
    inputs = np.zeros((2, n_steps, 2))
    inputs[:, :, 0] = drive
    inputs[:, : round(1 / dt), 0] = 1
    inputs[1] *= -1
    start = np.array([0.02, 0.02])  # a common offset breaks the symmetry between the signs
    return model.readout(model.simulate(m, inputs, dt, start=start)[:, -1])


def test_it_is_one_if_as_fixed_point_was_rotated():
    """M after B in the rotation example, drive 0.02: only B's direction is still stable."""
    m = np.array([[0.23, 0.0], [-0.95, 1.24]])
    outputs = outputs_after(m, 0.02)
    assert mode_index(outputs) == pytest.approx(1, abs=0.02)
    assert np.abs(outputs[:, 1]) == pytest.approx(0.5, abs=0.1)


def test_it_is_zero_if_a_new_fixed_point_was_formed():
    """M after B in the formation example, drive 0.15: each task's input keeps its own direction."""
    outputs = outputs_after(np.diag([0.93, 0.98]), 0.15)
    assert mode_index(outputs) == pytest.approx(0, abs=0.02)
    assert np.abs(outputs[:, 0]) == pytest.approx(0.5, abs=0.1)


def test_it_is_the_squared_sine_of_the_angle():
    for angle in (0.0, 0.3, math.pi / 4, 1.2):
        point = 0.5 * np.array([math.cos(angle), math.sin(angle)])
        assert mode_index(np.stack([point, -point])) == pytest.approx(math.sin(angle) ** 2)


def test_a_state_that_has_decayed_has_no_mode():
    assert math.isnan(mode_index(np.full((2, 2), 1e-3)))


def test_rotation_angle():
    assert rotation_angle(np.array([2.0, 0]), np.array([0, 5.0])) == pytest.approx(math.pi / 2)
    assert rotation_angle(np.array([1.0, 1.0]), np.array([-3.0, -3.0])) == pytest.approx(math.pi)


def test_squares_of_several_outputs_add_up_and_the_floor_is_an_argument():
    outputs = np.broadcast_to(np.array([0.3, 0.4, 0.5, 0.0]), (3, 5, 4))  # [step, trial, output]
    assert mode_index(outputs, own=(0, 1), other=(2, 3)) == pytest.approx(0.5)
    assert mode_index(outputs, own=(0,), other=(3,)) == pytest.approx(0)
    assert math.isnan(mode_index(outputs, own=(0, 1), other=(2, 3), floor=0.8))
    assert math.isnan(mode_index(np.full((2, 2), np.nan)))
