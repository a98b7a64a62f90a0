"""Dale's law: the signs of columns before and after learning with large steps, and the initial balance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rnnbench import Batch, Weights
from rnnbench_architectures.architectures import DaleRNN

Draw, Make = Callable[..., Weights], Callable[..., Batch]


def assert_lawful(dale: DaleRNN, weights: Weights) -> torch.Tensor:
    """W [unit, unit], with columns of one sign, no diagonal, and readouts from excitatory units only."""
    matrices, n = dale.matrices(weights), dale.n_excitatory
    w, w_out = matrices["w_rec"][0], matrices["w_out"][0]
    assert (w[:, :n] >= 0).all() and (w[:, n:] <= 0).all()
    assert (w.diagonal() == 0).all()
    assert (w_out[:, n:] == 0).all() and (w_out[:, :n] != 0).any()
    return w


@pytest.mark.parametrize("excitatory, expected", [(0.8, 40), (0.5, 25), (0.9, 45)])
def test_the_fraction_of_excitatory_units_is_the_one_given(excitatory: float, expected: int, draw: Draw) -> None:
    dale = DaleRNN(units=50, excitatory=excitatory)
    weights = draw(dale)
    w = assert_lawful(dale, weights)
    assert int((w.sum(0) > 0).sum()) == expected == int(weights["signs"].gt(0).sum())


@pytest.mark.parametrize("g", [0.0, 0.5, 1.5])
def test_spectral_radius_at_the_start_is_g(g: float, draw: Draw) -> None:
    w = draw(DaleRNN(units=60, g=g))
    radius = np.abs(np.linalg.eigvals(DaleRNN(units=60).recurrent(w)[0].numpy())).max()
    # For a random matrix that is far from normal, eigenvalues are accurate to about the square root of rounding.
    assert radius == pytest.approx(g, abs=1e-7)


def test_excitation_and_inhibition_balance_on_average(draw: Draw) -> None:
    """The mean over rows of their sums is 0 within 4 standard errors; the entries of W are independent."""
    w = DaleRNN(units=200).recurrent(draw(DaleRNN(units=200)))[0].numpy()
    n = 160
    error = np.sqrt(n * w[0, 1:n].var() + 40 * w[0, n:].var())
    assert abs(w.sum(axis=1).mean()) < 4 * error / np.sqrt(200)
    assert np.abs(w[:, :n].sum(axis=1)).mean() > 5 * error  # so the sum is a small difference of large numbers


@pytest.mark.parametrize("positive", [False, True])
def test_columns_keep_their_signs_under_gradient_descent_with_large_steps(
    positive: bool, draw: Draw, trials: Make
) -> None:
    dale = DaleRNN(units=20, learn="all", positive_channels=positive)
    weights, batch = draw(dale), trials()
    before = assert_lawful(dale, weights)
    for _ in range(5):
        _, gradients = dale.engine().gradient(weights, batch)
        # The steps are so large that without rectification many weights would change their signs.
        steps = {name: g / g.abs().max() * weights[name].std() for name, g in gradients.items()}
        weights = weights | {name: weights[name] - 3 * step for name, step in steps.items()}
    after = assert_lawful(dale, weights)
    assert (weights["raw_rec"] < 0).sum() > 5  # without rectification these would have changed their signs
    assert (after - before).norm() > 0.3 * before.norm()
    if positive:
        matrices = dale.matrices(weights)
        assert (matrices["w_in"] >= 0).all() and (matrices["w_out"] >= 0).all()


def test_columns_keep_their_signs_whatever_the_rule_does(draw: Draw) -> None:
    """The weights are replaced by noise."""
    dale = DaleRNN(units=20, learn="all")
    weights = draw(dale)
    noisy = weights | {name: torch.randn_like(weights[name]) for name in dale.trained}
    assert_lawful(dale, noisy)


def test_rates_are_never_negative() -> None:
    with pytest.raises(ValidationError, match="nonlinearity"):
        DaleRNN(units=20, nonlinearity="tanh")


@pytest.mark.parametrize("units, excitatory", [(5, 0.8), (20, 0.99), (20, 0.05)])
def test_networks_with_fewer_than_two_units_of_a_kind_are_refused(units: int, excitatory: float) -> None:
    with pytest.raises(ValidationError, match="at least 2 of each are needed"):
        DaleRNN(units=units, excitatory=excitatory)
