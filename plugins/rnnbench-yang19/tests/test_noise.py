"""The noise is normal: its moments and its distribution."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from rnnbench_yang19.noise import gaussian


def test_moments_and_distribution_are_those_of_the_normal() -> None:
    n = 1_000_000
    z = gaussian(np.random.default_rng(0), (n,), 1.0).astype(float)
    assert z.dtype == float and np.isfinite(z).all()
    # 4 standard errors: of the mean 1/sqrt(n), of the standard deviation 1/sqrt(2n), of the fourth moment sqrt(96/n)
    assert abs(z.mean()) < 4e-3
    assert z.std() == pytest.approx(1, abs=2.9e-3)
    assert (z**4).mean() == pytest.approx(3, abs=0.04)
    for value in (-3, -1, 0, 0.5, 2, 3.5):
        expected = NormalDist().cdf(value)
        assert (z < value).mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / n) ** 0.5)


def test_numbers_drawn_together_are_independent() -> None:
    z = gaussian(np.random.default_rng(1), (100_000, 8), 1.0)  # four come from one draw of the generator
    correlation = np.corrcoef(z.T) - np.eye(8)
    assert abs(correlation).max() < 5 / 100_000**0.5


@pytest.mark.parametrize("shape", [(1,), (3,), (4,), (5, 7), (2, 3, 5)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    drawn = gaussian(np.random.default_rng(0), shape, 0.5)
    assert drawn.shape == shape and drawn.dtype == np.float32 and drawn.flags.writeable


def test_std_scales() -> None:
    one, three = (gaussian(np.random.default_rng(0), (1000,), std) for std in (1.0, 3.0))
    np.testing.assert_allclose(three, 3 * one, rtol=1e-6)  # float32
