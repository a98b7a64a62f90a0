"""The bound of the loss with a readout that is not trained: below every loss that can be reached, and close to it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

from rnnbench import VanillaRNN, rng_for
from rnnbench.plugin.interfaces import Architecture
from rnnbench.plugin.registry import installed
from rnnbench.training.reachable import fixed_readout, floor, nearest_outputs, squared_errors_at_least

RNG = np.random.default_rng(0)


def weights_of(architecture: Architecture, n_inputs: int = 2, n_outputs: int = 2) -> dict[str, torch.Tensor]:
    drawn = architecture.init(rng_for(0, "weights"), n_inputs, n_outputs)
    return {name: torch.from_numpy(w) for name, w in drawn.items()}


def exact(readout: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> float:
    """The lowest loss, by bounded least squares for every target on its own (scipy)."""
    roots = np.sqrt(mask)
    costs = [
        lsq_linear(root[:, None] * readout, root * y, (-1, 1), tol=1e-12, max_iter=1000).cost
        for y, root in zip(targets, roots, strict=True)
    ]
    return float(np.sum(costs) / mask.sum())


def test_one_output_has_a_closed_form():
    readout = RNG.normal(size=(1, 40)) / 60
    reach = np.abs(readout).sum()
    targets = RNG.normal(size=(500, 1))
    mask = RNG.integers(0, 3, size=targets.shape).astype(float)
    missing = np.maximum(np.abs(targets) - reach, 0)
    assert 0 < (missing > 0).mean() < 1
    found = floor(readout, targets, mask)
    assert found.loss == pytest.approx((mask * missing**2).sum() / (2 * mask.sum()), rel=1e-12)
    largest = np.abs(targets[mask > 0]).max()
    assert (found.target, found.reached) == (pytest.approx(largest, rel=1e-6), pytest.approx(reach, rel=1e-6))


def test_two_outputs_by_brute_force():
    """With three units, on a grid of 81 values of each rate: an output is at most 0.02 from a grid point."""
    readout = np.array([[0.5, -0.3, 0.2], [0.1, 0.4, -0.5]])
    grid = np.linspace(-1, 1, 81)
    outputs = np.array(list(itertools.product(grid, grid, grid))) @ readout.T
    targets = np.array([[1.0, 1.0], [1.5, -1.0], [0.2, 0.1], [-1.0, 0.0]])
    mask = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 1.0], [1.0, 0.0]])
    errors = (mask[:, None] * (outputs - targets[:, None]) ** 2).sum(axis=2).min(axis=1)
    found = [floor(readout, y[None], m[None]).loss * 2 * m.sum() for y, m in zip(targets, mask, strict=True)]
    assert found[2] == 0
    assert np.all(found <= errors + 1e-12) and np.allclose(found, errors, atol=0.02)


@pytest.mark.parametrize("n_outputs", [1, 2, 3, 6])
def test_it_is_the_bounded_least_squares_solution(n_outputs):
    readout = RNG.normal(size=(n_outputs, 64)) / 64
    targets = RNG.choice([-1.0, 1.0], size=(30, n_outputs))
    mask = RNG.integers(0, 2, size=targets.shape).astype(float)
    mask[0] = 1
    lowest = exact(readout, targets, mask)
    # 1e-9: rounding of scipy's solution; a few of the 30 targets may not be among those that were searched.
    assert 0.98 * lowest <= floor(readout, targets, mask).loss <= lowest * (1 + 1e-9)


def test_continuous_targets_are_bounded_from_below_and_closely():
    """A circle of 5000 moments, of which the nearest outputs are computed for 32."""
    readout = RNG.normal(size=(2, 50)) / 80
    phase = np.linspace(0, 2 * np.pi, 5000)
    targets = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    mask = np.ones_like(targets)
    lowest = exact(readout, targets[::25], mask[::25])
    found = floor(readout, targets, mask).loss
    # 1 %: the exact value is that of every 25th moment.
    assert 0.97 * lowest < found < 1.01 * lowest


def test_any_direction_gives_a_valid_bound():
    readout, targets = RNG.normal(size=(3, 20)) / 20, RNG.normal(size=(200, 3))
    mask = RNG.integers(0, 3, size=targets.shape).astype(float)
    rates = RNG.uniform(-1, 1, size=(300, 20))
    errors = (mask[:, None] * (rates @ readout.T - targets[:, None]) ** 2).sum(axis=2).min(axis=1)
    found = squared_errors_at_least(readout, RNG.normal(size=(7, 3)), targets, mask)
    assert found.max() > 0 and np.all(found <= errors)


def test_the_nearest_outputs_can_be_reached():
    readout, targets = RNG.normal(size=(2, 30)) / 30, RNG.normal(size=(5, 2))
    for z, y in zip(nearest_outputs(readout, targets, np.ones((5, 2))), targets, strict=True):
        assert z == pytest.approx(readout @ lsq_linear(readout, y, (-1, 1), tol=1e-12).x, abs=1e-6)


@pytest.mark.parametrize("nonlinearity", ["tanh", "erf"])
def test_the_readout_is_found_where_rates_are_bounded_and_it_is_not_trained(nonlinearity):
    architecture = VanillaRNN(units=20, learn="recurrent", nonlinearity=nonlinearity, bias=True, g=1.2)
    weights = weights_of(architecture)
    assert fixed_readout(architecture, weights) == pytest.approx(weights["w_out"].numpy(), rel=1e-10)


@pytest.mark.parametrize(
    "parameters",
    [{"learn": "all"}, *({"learn": "recurrent", "nonlinearity": n} for n in ("relu", "softplus", "identity"))],
)
def test_there_is_no_bound_if_the_readout_is_trained_or_rates_are_not_bounded(parameters):
    architecture = VanillaRNN(units=20, **parameters)
    assert fixed_readout(architecture, weights_of(architecture)) is None


def test_there_is_no_bound_for_a_readout_that_is_not_what_is_declared():
    class Squared(VanillaRNN):
        def readout(self, weights, state):
            return super().readout(weights, state) ** 2

        phi, recurrent, current = VanillaRNN.phi, VanillaRNN.recurrent, VanillaRNN.current

    class Shifted(Squared):
        """With a bias of the outputs, which reach further on one side."""

        def readout(self, weights, state):
            return VanillaRNN.readout(self, weights, state) + 1

        phi, recurrent, current = VanillaRNN.phi, VanillaRNN.recurrent, VanillaRNN.current

    for architecture in (Squared(units=20, learn="recurrent"), Shifted(units=20, learn="recurrent")):
        assert fixed_readout(architecture, weights_of(architecture)) is None


@pytest.mark.parametrize(
    ("name", "parameters", "bounded"),
    [
        ("low_rank_rnn", {"learn": "recurrent"}, True),
        ("low_rank_rnn", {}, False),
        ("restricted_rnn", {}, True),
        ("orthogonal_rnn", {"learn": "recurrent"}, True),
        ("identity_rnn", {"learn": "recurrent"}, False),
        ("dale_rnn", {"learn": "recurrent"}, False),
        ("firing_rate_rnn", {"learn": "recurrent"}, False),
        ("multilayer_rnn", {"learn": "recurrent"}, False),
        ("gru", {}, False),
    ],
)
def test_other_architectures_are_judged_by_what_they_compute(name, parameters, bounded):
    registry = installed()
    architecture = registry.build(
        "architecture", registry.find("architecture", name).cls.id(), {"units": 16, **parameters}
    )
    assert (fixed_readout(architecture, weights_of(architecture)) is not None) == bounded
