"""Random streams are derived from names and seeds, independent of each other and of global state."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rnnbench import rng_for


def test_the_same_names_give_the_same_numbers_in_every_process():
    code = "from rnnbench import rng_for; print(rng_for(3, 'trials', 'a', 5).random())"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(elsewhere) == rng_for(3, "trials", "a", 5).random()


@pytest.mark.parametrize("other", [(4, "a", 1), (3, "b", 1), (3, "a", 2), (3, "a", "1"), (3, "a1"), (3, "a", 1, "")])
def test_other_names_give_other_numbers(other):
    assert rng_for(3, "a", 1).random() != rng_for(*other).random()


def test_streams_of_neighbouring_names_are_uncorrelated():
    """10^4 pairs of first draws: the correlation of independent uniforms has standard error 0.01."""
    draws = np.array([rng_for(0, "x", k).random() for k in range(10_001)])
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.04
    assert draws.mean() == pytest.approx(0.5, abs=0.012)


def test_global_state_is_neither_used_nor_changed():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = rng_for(0, "x").random()
    assert np.array_equal(before, np.random.get_state()[1])
    np.random.seed(2)
    assert rng_for(0, "x").random() == first
