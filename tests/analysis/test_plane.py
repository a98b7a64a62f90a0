"""Flow and trajectories in a plane agree with linear networks in closed form, and with the 2x2 model as N grows."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import VanillaRNN
from rnnbench.analysis.plane import (
    Plane,
    flow_field,
    pair_portraits,
    plane_of_states,
    portrait,
    readout_trajectories,
)
from rnnbench.reports.claims.theory import two_by_two as model

M = np.array([[1.5, -0.4], [0.3, 0.8]])
X = np.array([0.2, -0.1])
AXIS = np.linspace(-2, 2, 9)


def pattern_plane(weights: dict[str, np.ndarray]) -> Plane:
    return Plane(np.zeros(len(weights["w_rec"])), weights["w_in"].T)


def grid() -> np.ndarray:
    return np.stack(np.meshgrid(AXIS, AXIS), axis=-1)


def test_lift_and_coordinates_undo_each_other_in_any_plane():
    rng = np.random.default_rng(0)
    plane = Plane(rng.standard_normal(20), rng.standard_normal((2, 20)))
    k = rng.standard_normal((4, 3, 2))
    np.testing.assert_allclose(plane.coordinates(plane.lift(k)), k, atol=1e-12)
    across = np.linalg.svd(plane.basis)[2][2:]  # the 18 directions perpendicular to the plane
    np.testing.assert_allclose(plane.coordinates(plane.lift(k[0, 0]) + 5 * across), np.tile(k[0, 0], (18, 1)))
    along = plane.basis[0] / np.linalg.norm(plane.basis[0])
    np.testing.assert_allclose(
        plane.off_plane(np.stack([along, across[0], along + across[0]])), [0, 1, 0.5], atol=1e-12
    )
    assert plane.off_plane(np.zeros(20)) == 0


def test_the_flow_of_a_linear_network_is_linear(network):
    """W = U M U^T / N: d kappa / dt = (M - 1) kappa + x, exactly and without leaving the plane."""
    weights = network(50, M)
    field = flow_field(VanillaRNN(units=50, nonlinearity="identity"), weights, X, pattern_plane(weights), AXIS, AXIS)
    expected = grid() @ (M - np.eye(2)).T + X
    np.testing.assert_allclose(field.velocity, expected, atol=1e-12)
    np.testing.assert_allclose(field.speed, np.linalg.norm(expected, axis=-1), atol=1e-12)
    assert field.off_plane.max() < 1e-20


def test_the_flow_of_a_full_linear_network_is_its_projection():
    rng = np.random.default_rng(1)
    w, basis, origin = rng.standard_normal((30, 30)), rng.standard_normal((2, 30)), rng.standard_normal(30)
    weights = {"w_rec": w, "w_in": np.zeros((30, 1)), "w_out": np.ones((1, 30))}
    field = flow_field(
        VanillaRNN(units=30, nonlinearity="identity"), weights, np.zeros(1), Plane(origin, basis), AXIS, AXIS
    )
    flow = (w - np.eye(30)) @ (origin + AXIS[2] * basis[0] + AXIS[5] * basis[1])
    expected, residual, *_ = np.linalg.lstsq(basis.T, flow, rcond=None)
    np.testing.assert_allclose(field.velocity[5, 2], expected, atol=1e-10)
    assert field.off_plane[5, 2] == pytest.approx(residual[0] / (flow @ flow))


def test_the_flow_tends_to_the_2x2_model_as_the_network_grows(network):
    """Deviations are sampling errors of averages over units, of order N^-1/2, so sqrt(N) times them does not grow."""
    expected = model.flow(grid(), M, X)
    sizes, errors = [100, 200, 400, 800, 1600, 3200], []
    for n in sizes:
        weights = network(n, M)
        field = flow_field(VanillaRNN(units=n, nonlinearity="erf"), weights, X, pattern_plane(weights), AXIS, AXIS)
        errors.append(np.sqrt(np.mean((field.velocity - expected) ** 2)) * np.sqrt(n))
        assert field.off_plane.max() < 1e-20
    # 0.16 to 0.43 over 24 draws of patterns at these N; a deviation of 1 % that did not fall with N would give 0.6.
    assert max(errors) < 0.6


def test_readouts_along_trials_are_those_of_the_2x2_model(network, pulses):
    n = 3000
    weights = network(n, M)
    inputs = pulses(0, 0.1).inputs[0].numpy()
    found = readout_trajectories(VanillaRNN(units=n, nonlinearity="erf"), weights, inputs)
    kappa = model.simulate(M, inputs.swapaxes(0, 1).astype(float), 0.5)
    # Each average deviates by N^-1/2 = 0.02, which the unstable state of rest amplifies during the trial.
    np.testing.assert_allclose(found.swapaxes(0, 1), model.readout(kappa[:, 1:]), atol=0.1)
    swapped = readout_trajectories(VanillaRNN(units=n, nonlinearity="erf"), weights, inputs, outputs=(1, 0))
    np.testing.assert_array_equal(swapped, found[..., ::-1])


def test_a_portrait_shows_the_fixed_points_of_the_model(network, pulses):
    """diag(1.8, 1.3) has rest, a stable pair along A, and saddles along B; errors are a few times N^-1/2 = 0.05."""
    n, m = 400, np.diag([1.8, 1.3])
    weights = network(n, m)
    a, b = (pulses(channel, 0.0).inputs[0].numpy() for channel in (0, 1))
    drawn = portrait(
        VanillaRNN(units=n, nonlinearity="erf"), weights, pattern_plane(weights), np.zeros(2), a, b, reach=2
    )
    expected = model.fixed_points(m)
    assert len(drawn.points) == len(expected) == 5
    for point in expected:
        nearest = int(np.argmin(np.linalg.norm(drawn.points - point.kappa, axis=1)))
        np.testing.assert_allclose(drawn.points[nearest], point.kappa, atol=0.2)
        assert drawn.stable[nearest] == point.stable
    assert drawn.off_plane.max() < 1e-12
    assert drawn.first.shape == drawn.second.shape == (41, 4, 2)
    np.testing.assert_array_equal(drawn.first[0], np.zeros((4, 2)))


def test_the_plane_of_two_states_has_its_axes_along_them():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((2, 25))
    plane = plane_of_states(a, b)
    np.testing.assert_allclose(plane.basis @ plane.basis.T, 25 * np.eye(2), atol=1e-10)
    assert plane.coordinates(a) == pytest.approx([np.linalg.norm(a) / 5, 0], abs=1e-12)
    np.testing.assert_allclose(plane.lift(plane.coordinates(b)), b, atol=1e-12)
    for bad in ((a, -2 * a), (0 * a, b), (a, 0 * b)):
        with pytest.raises(ValueError, match="no plane"):
            plane_of_states(*bad)


def test_a_state_of_two_parts_has_no_portrait(two_parts, pulses):
    architecture = two_parts(units=9)
    weights = architecture.init(np.random.default_rng(0), 2, 2)
    plane = Plane(np.zeros(9), np.eye(2, 9))
    trials = pulses(0, 0.0).inputs[0].numpy()
    with pytest.raises(ValueError, match="two_parts@1"):
        portrait(architecture, weights, plane, np.zeros(2), trials, trials, reach=1)


def test_a_pair_is_shown_in_the_plane_of_its_two_states(network, pulses):
    """A's fixed point moves to B's axis (rotation) or stays (formation), up to a few times N^-1/2 = 0.07."""
    n, drive = 200, 0.15
    first = network(n, np.diag([1.24, 0.0]))
    trials = pulses(0, drive), pulses(1, drive)
    architecture = VanillaRNN(units=n, nonlinearity="erf")
    for m, angle in ((np.array([[0.23, 0.0], [-0.95, 1.24]]), None), (np.diag([0.93, 0.98]), 0.0)):
        before, after = pair_portraits(architecture, first, network(n, m), *trials)
        x = np.array([drive, 0.0])
        for drawn, matrix in ((before, np.diag([1.24, 0.0])), (after, m)):
            expected = [p for p in model.fixed_points(matrix, x) if p.stable]
            sizes = sorted(np.linalg.norm(p.kappa) for p in expected)
            np.testing.assert_allclose(sorted(np.linalg.norm(drawn.points[drawn.stable], axis=1)), sizes, atol=0.15)
        end = before.first[-1, 0]
        assert end[0] == pytest.approx(np.linalg.norm(before.first[-1, 0])) and end[0] > 0.3  # the first axis
        turned = np.arctan2(*np.abs(after.first[-1, 0][::-1]))
        assert turned == pytest.approx(0, abs=0.15) if angle == 0 else turned > 1
