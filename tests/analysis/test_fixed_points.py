"""Fixed points are those known in closed form, and those at which a long simulation ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from rnnbench import Architecture, VanillaRNN
from rnnbench.analysis.fixed_points import find_fixed_points, flow_of, settle


class Unknown(Architecture):
    """The vanilla RNN as an architecture that declares no rate network, so that the analysis only knows its step."""

    name = "unknown"
    nonlinearity: str = "tanh"

    @property
    def vanilla(self) -> VanillaRNN:
        return VanillaRNN(units=self.units, dt=self.dt, nonlinearity=self.nonlinearity, bias=True)

    @property
    def trained(self):
        return self.vanilla.trained

    def init(self, rng, n_inputs, n_outputs):
        return self.vanilla.init(rng, n_inputs, n_outputs)

    def step(self, weights, state, inputs, noise):
        return self.vanilla.step(weights, state, inputs, noise)

    def readout(self, weights, state):
        return self.vanilla.readout(weights, state)


def weights(w_rec, n_inputs: int = 1) -> dict[str, np.ndarray]:
    n = len(w_rec)
    return {"w_rec": np.asarray(w_rec, float), "w_in": np.ones((n, n_inputs)), "w_out": np.ones((1, n)) / n}


def test_one_unit_that_excites_itself_has_three():
    """h = w tanh(h): 0 and +-h*, with eigenvalues w - 1 and w / cosh^2(h*) - 1."""
    w = 2.0
    architecture = VanillaRNN(units=1)
    found = find_fixed_points(architecture, weights([[w]]), np.zeros(1), np.linspace(-3, 3, 13)[:, None])
    root = brentq(lambda h: w * np.tanh(h) - h, 0.5, 5, xtol=1e-14)
    order = np.argsort(found.states[:, 0])
    np.testing.assert_allclose(found.states[order, 0], [-root, 0, root], atol=1e-8)
    expected = [w / np.cosh(root) ** 2 - 1, w - 1, w / np.cosh(root) ** 2 - 1]
    np.testing.assert_allclose(found.eigenvalues[order, 0].real, expected, atol=1e-8)
    assert found.stable[order].tolist() == [True, False, True]
    assert (found.speeds < 1e-9).all() and (found.found_from >= 0).all()


def test_a_linear_network_has_one_and_it_solves_the_linear_system():
    rng = np.random.default_rng(0)
    w = 0.7 * rng.standard_normal((20, 20)) / np.sqrt(20)
    architecture = VanillaRNN(units=20, nonlinearity="identity")
    found = find_fixed_points(architecture, weights(w), np.array([0.5]), rng.standard_normal((8, 20)))
    assert len(found.states) == 1 and (found.found_from == 0).all()
    np.testing.assert_allclose(found.states[0], np.linalg.solve(np.eye(20) - w, np.full(20, 0.5)), atol=1e-8)
    np.testing.assert_allclose(
        np.sort_complex(found.eigenvalues[0]), np.sort_complex(np.linalg.eigvals(w - np.eye(20))), atol=1e-8
    )


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "softplus", "erf", "identity"])
def test_the_analytic_jacobian_is_the_derivative_of_the_step(nonlinearity):
    rng = np.random.default_rng(1)
    arrays = weights(rng.standard_normal((9, 9)))
    arrays["b"] = rng.standard_normal(9)
    h = rng.standard_normal((4, 9))
    velocity, jacobian = flow_of(VanillaRNN(units=9, nonlinearity=nonlinearity, bias=True), arrays, np.array([0.4]))
    by_step, by_autograd = flow_of(Unknown(units=9, nonlinearity=nonlinearity, dt=0.3), arrays, np.array([0.4]))
    np.testing.assert_allclose(velocity(torch.tensor(h)), by_step(torch.tensor(h)), atol=1e-10)
    np.testing.assert_allclose(jacobian(torch.tensor(h)), by_autograd(torch.tensor(h)), atol=1e-10)


def test_two_patterns_have_the_fixed_points_of_the_mean_field_model():
    """W = U M U^T / N with erf: along an eigenvector with eigenvalue m, |kappa|^2 = (2/pi)(m^2 - 1) + O(N^-1/2)."""
    n, m = 2000, 1.6
    u = np.random.default_rng(2).standard_normal((n, 1))
    u *= np.sqrt(n) / np.linalg.norm(u)
    architecture = VanillaRNN(units=n, nonlinearity="erf")
    arrays = {"w_rec": m * u @ u.T / n, "w_in": u, "w_out": u.T / n}
    end = settle(architecture, arrays, np.zeros(1), u.T, duration=60)
    kappa = float(end[0] @ u[:, 0] / n)
    assert kappa**2 == pytest.approx(2 / np.pi * (m**2 - 1), rel=0.05)


def test_newton_ends_where_the_simulation_ends():
    rng = np.random.default_rng(3)
    n = 40
    pattern = rng.standard_normal(n)
    arrays = weights(2.5 * np.outer(pattern, pattern) / n)
    architecture = VanillaRNN(units=n)
    settled = settle(architecture, arrays, np.zeros(1), np.stack([pattern, -pattern]), duration=100)
    found = find_fixed_points(architecture, arrays, np.zeros(1), settled)
    assert found.found_from.tolist() == [0, 1] and found.stable.all()
    np.testing.assert_allclose(found.states, settled, atol=1e-6)


def test_a_start_that_reaches_no_fixed_point_is_marked_as_failed():
    """h' = -h + softplus(h) + 1 > 0 everywhere for w = 1: no fixed point to find."""
    architecture = VanillaRNN(units=1, nonlinearity="softplus")
    found = find_fixed_points(architecture, weights([[1.0]]), np.array([1.0]), np.array([[0.0], [3.0]]))
    assert len(found.states) == 0 and found.found_from.tolist() == [-1, -1]


def test_a_line_of_fixed_points_is_met_at_its_nearest_point():
    """W = diag(1, 0), identity: every (c, 0) is fixed, the Jacobian is singular. Least squares moves across only."""
    architecture = VanillaRNN(units=2, nonlinearity="identity")
    found = find_fixed_points(architecture, weights(np.diag([1.0, 0.0])), np.zeros(1), np.array([[2.0, 1.0]]))
    np.testing.assert_allclose(found.states, [[2.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(np.sort(found.eigenvalues.real), [[-1, 0]], atol=1e-9)


def test_starts_that_are_not_finite_are_given_up_and_do_not_disturb_the_others():
    architecture = VanillaRNN(units=1)
    found = find_fixed_points(architecture, weights([[2.0]]), np.zeros(1), np.array([[np.nan], [np.inf], [1.0]]))
    assert found.found_from.tolist() == [-1, -1, 0]


def test_without_eigenvalues_the_points_are_the_same():
    rng = np.random.default_rng(4)
    arrays = weights(1.5 * rng.standard_normal((20, 20)) / np.sqrt(20))
    starts = rng.standard_normal((5, 20))
    found = find_fixed_points(VanillaRNN(units=20), arrays, np.zeros(1), starts)
    bare = find_fixed_points(VanillaRNN(units=20), arrays, np.zeros(1), starts, with_eigenvalues=False)
    assert len(found.states)
    np.testing.assert_array_equal(found.states, bare.states)
    assert np.isnan(bare.eigenvalues.real).all() and not bare.stable.any()
