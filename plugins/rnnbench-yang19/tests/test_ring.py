"""Directions on a ring of units: encoding, distance and decoding."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from rnnbench_yang19.ring import bump, distance, population_vector, preferred


def test_32_units_prefer_directions_every_11_and_a_quarter_degrees() -> None:
    assert np.allclose(np.degrees(preferred(32)), np.arange(32) * 11.25)


@pytest.mark.parametrize(
    ("one", "other", "apart"), [(10, 350, 20), (350, 10, 20), (0, 180, 180), (90, 90, 0), (0, 270, 90), (359, 1, 2)]
)
def test_distance_is_the_shorter_way_round(one: float, other: float, apart: float) -> None:
    assert distance(np.radians(one), np.radians(other)) == pytest.approx(math.radians(apart))


def test_bump_is_the_published_gaussian() -> None:
    activity = bump(np.array([math.radians(355)]), 32)[0]
    for unit in range(32):
        away = abs(355 - unit * 11.25)
        degrees = min(away, 360 - away)
        # Yang et al. 2019: 0.8 exp(-(8 |psi - psi_i| / pi)^2 / 2), and pi / 8 is 22.5 degrees
        assert activity[unit] == pytest.approx(0.8 * math.exp(-0.5 * (degrees / 22.5) ** 2))


@pytest.mark.parametrize("n_units", [8, 16, 32, 33])
def test_population_vector_reads_what_a_bump_shows(n_units: int) -> None:
    directions = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    read = population_vector(0.05 + bump(directions, n_units))
    # With 8 units the bump is sampled two standard deviations apart: its discrete sum is off by up to 1.3 degrees.
    assert np.degrees(distance(read, directions)).max() < (1.5 if n_units == 8 else 0.01)


def test_population_vector_is_the_angle_of_the_complex_sum() -> None:
    activity = np.random.default_rng(0).uniform(0, 1, (20, 32))
    for row, read in zip(activity, population_vector(activity), strict=True):
        angle = cmath.phase(sum(a * cmath.exp(2j * math.pi * k / 32) for k, a in enumerate(row)))
        assert read == pytest.approx(angle % (2 * math.pi))


@pytest.mark.parametrize("level", [0.0, 0.05, -3.0])
def test_a_flat_ring_shows_no_direction(level: float) -> None:
    assert np.isnan(population_vector(np.full((2, 32), level, np.float32))).all()
