"""A larger g raises interference in networks that learn only M."""

from __future__ import annotations

import numpy as np

from rnnbench.reports.claims.theory import two_by_two as model
from rnnbench.reports.claims.theory.connectivity import interference_against_g
from rnnbench.reports.claims.theory.protocol import A, Protocol, pulse_episode


def test_interference_rises_with_g_and_so_does_m():
    protocol = Protocol(dt=0.5)
    rows = interference_against_g(np.array([0.0, 0.5, 0.9]), 0.15, protocol)
    assert all(row.converged for row in rows)
    for name in ("interference", "loss_after", "m_first", "variance_at_target"):
        values = [getattr(row, name) for row in rows]
        assert values == sorted(values) and values[0] < values[-1], name
    # At g = 0 a new fixed point is formed. At g = 0.9 interference is clear, but most of A is still there.
    assert rows[0].interference < 0.002 and 0.03 < rows[-1].interference < 0.5


def test_without_learning_the_loss_on_a_is_that_of_the_model():
    """loss_after comes from the first evaluation in learn_many; it is compared with two_by_two.loss at M = 0."""
    protocol = Protocol(dt=0.5, max_updates=0, criterion=0.5)
    row = interference_against_g(np.array([0.6]), 0.15, protocol)[0]
    expected = model.loss(np.zeros((2, 2)), pulse_episode(A, 0.15, protocol), 0.5, 0.6, protocol.start)
    assert np.isclose(row.loss_after, expected, rtol=1e-12)
    assert not row.converged and np.isnan(row.interference)
