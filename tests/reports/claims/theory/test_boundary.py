"""The closed forms of the boundary compared with the eigenvalues of the flow, with simulation and with learning."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench.reports.claims.theory import boundary as theory, two_by_two as model
from rnnbench.reports.claims.theory.protocol import (
    A,
    B,
    Protocol,
    final_outputs,
    learn_many,
    pulse_episode,
    untrained_loss,
)
from rnnbench.results.modes import mode_index


@pytest.mark.parametrize("drive", [0.02, 0.15, 0.5])
def test_at_the_linear_boundary_the_driven_state_is_marginal_along_a(drive):
    strength = float(theory.driven_instability(drive))
    state = np.array([0.0, drive])
    assert np.linalg.norm(model.flow(state, np.diag([strength, 0]), state)) < 1e-12  # it is a fixed point
    rates = np.diag(model.jacobian(state, np.diag([strength, 0])))
    np.testing.assert_allclose(rates, [0, -1], atol=1e-12)
    assert strength == pytest.approx(np.sqrt(1 + np.pi * drive**2 / 2))


def test_state_of_readout():
    kappa = theory.state_of_readout(0.5)
    assert model.readout(np.array([kappa, 0.0]))[0] == pytest.approx(0.5, abs=1e-12)


def test_bs_component_is_that_of_the_simulation():
    """The Euler error is of order dt."""
    dt = 1e-3
    protocol = Protocol(dt=dt)
    kappa = model.simulate(np.diag([1.0, 0.0]), pulse_episode(B, 0.1, protocol).inputs, dt, start=protocol.start)
    times = np.arange(kappa.shape[1]) * dt
    np.testing.assert_allclose(kappa[0, :, B], theory.component_of_b(times, 0.1, protocol), atol=2e-3)


@pytest.mark.parametrize("drive", [0.02, 0.15])
def test_growth_of_as_component_in_bs_trial(drive):
    """At m_T(d) a tiny A component grows by kappa_half / offset, to 1 % (the Euler error over a growth of e^2.6)."""
    protocol = Protocol(dt=2e-3)
    strength = theory.instability_in_time(drive, protocol)
    start = np.array([1e-6, protocol.offset])
    inputs = pulse_episode(B, drive, protocol).inputs[:1]
    kappa = model.simulate(np.diag([strength, 0]), inputs, protocol.dt, start=start)
    expected = theory.state_of_readout(0.25) / protocol.offset
    assert kappa[0, -1, A] / 1e-6 == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("drive", [0.1, 0.2])
def test_learning_a_tends_to_the_closed_form(drive):
    """With the loss in the last tenth of a long trial and 1e-7 of the squared target left, they agree within 2e-3."""
    protocol = Protocol(dt=0.5, duration=80, loss_start=72, offset=0.0)
    learnt = learn_many(np.zeros((1, 2, 2)), A, np.array([drive]), protocol, np.array([1e-8]))
    assert learnt.converged[0]
    assert learnt.m[0, A, A] == pytest.approx(float(theory.learnt_strength(drive)), abs=2e-3)


def test_the_crossing_is_where_both_lines_meet():
    drive = theory.crossing()
    assert float(theory.learnt_strength(drive)) == pytest.approx(float(theory.driven_instability(drive)), abs=1e-9)
    assert 0.1 < drive < 0.2


def test_along_learning_rotation_gives_way_to_formation():
    points = theory.mode_along_learning(np.array([0.02, 0.1, 0.15]), Protocol(dt=0.5, criterion=0.02))
    assert all(point.converged for point in points)
    assert points[0].mode_index > 0.9 and points[1].mode_index < 0.05 and points[2].mode_index < 0.05
    # Linear stability predicts that A takes over up to a drive of 0.13, but it is only an upper bound.
    assert theory.crossing() > 0.1


def test_a_plane_starts_from_its_own_strengths():
    drives, strengths = np.array([0.2, 0.2]), np.array([1.0, 1.2])
    points = theory.mode_plane(drives, strengths, Protocol(dt=0.5, criterion=0.02))
    assert [point.m for point in points] == [1.0, 1.2]
    assert points[0].output_before < points[1].output_before  # a larger m holds a larger output
    assert all(point.mode_index < 0.05 for point in points)


def test_boundary_interpolates_the_last_crossing():
    def point(drive, index):
        return theory.PlanePoint(drive, 1.1, index, 0.5, True, 10)

    points = [point(0.1, 0.9), point(0.2, 0.1), point(0.3, float("nan")), point(0.4, 0.0)]
    assert theory.boundary(points)[1.1] == pytest.approx(0.15)
    assert np.isnan(theory.boundary(points[2:])[1.1])


def test_what_carries_the_rotation_is_m_ba():
    """At m = 1, below every linear threshold, the same network without M_BA would have formed a new fixed point."""
    protocol, drive = Protocol(dt=0.5, criterion=0.02), np.array([0.03])
    bound = np.array([0.02 * untrained_loss(0.03, protocol)])
    m = learn_many(np.diag([1.0, 0.0])[None], B, drive, protocol, bound).m
    assert 1.0 < theory.driven_instability(0.03) < theory.instability_in_time(0.03, protocol)
    assert mode_index(final_outputs(m, A, drive, protocol)[0]) > 0.8
    m[0, B, A] = 0
    assert mode_index(final_outputs(m, A, drive, protocol)[0]) < 0.05


def test_the_transition_is_read_off_the_line():
    """The mode index falls from 1 to 0, and m crosses m_c = 1.0010 near drive 0.035."""
    drives = np.linspace(0.02, 0.06, 41)
    line = [theory.PlanePoint(d, 1.35 - 10 * d, float(0.06 - d) / 0.04, 0.5, True, 9) for d in drives]
    found = theory.transition(line, Protocol())
    assert found.computed == pytest.approx(0.04, abs=1e-9)
    assert found.linear_stability == pytest.approx(0.0349, abs=1e-4)
    assert 1.35 - 10 * found.in_time == pytest.approx(theory.instability_in_time(found.in_time, Protocol()), abs=1e-4)
    assert np.isnan(theory.transition(line[:3], Protocol()).computed)
