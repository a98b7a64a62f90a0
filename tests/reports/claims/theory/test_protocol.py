"""Trials compared with the task plugin, many models at once with one by one, and M in the examples."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench.reports.claims.theory import two_by_two as model
from rnnbench.reports.claims.theory.protocol import (
    A,
    B,
    Protocol,
    final_outputs,
    learn_many,
    pulse_episode,
    untrained_loss,
)

FixedPoints = pytest.importorskip("rnnbench_neuro.fixed_points").FixedPoints


@pytest.mark.parametrize(("drive", "dt"), [(0.15, 0.2), (0.0, 0.5)])
def test_the_trials_are_those_of_the_task_plugin(drive, dt):
    """They are equal up to the single precision of the plugin."""
    trials = FixedPoints(drive=drive).sample(np.random.default_rng(0), 20, dt)
    episode = pulse_episode(B, drive, Protocol(dt=dt))
    for k, sign in enumerate((1, -1)):
        one = int(np.flatnonzero(trials.info["sign"] == sign)[0])
        np.testing.assert_allclose(episode.inputs[k, :, B], trials.inputs[one, :, 0], atol=1e-7)
        np.testing.assert_allclose(episode.targets[k, :, B], trials.targets[one, :, 0], atol=1e-7)
        np.testing.assert_array_equal(episode.mask[k], np.repeat(trials.mask[one], 2, axis=1))
    assert not episode.inputs[..., A].any() and not episode.targets[..., A].any()


def test_many_models_at_once_learn_as_each_by_itself():
    """They agree up to rounding; the models differ in drive, bound, g and number of updates."""
    protocol = Protocol(dt=0.5)
    drives, gs = np.array([0.05, 0.2, 0.2]), np.array([0.0, 0.0, 0.6])
    bounds = np.array([0.02 * untrained_loss(d, protocol, g) for d, g in zip(drives, gs, strict=True)])
    together = learn_many(np.zeros((3, 2, 2)), A, drives, protocol, bounds, gs)
    assert len(set(together.updates)) > 1 and together.converged.all()
    for i in range(3):
        episode = pulse_episode(A, drives[i], protocol)
        alone = model.learn(
            np.zeros((2, 2)), episode, 0.5, protocol.rate, 4000, bounds[i], g=gs[i], start=protocol.start
        )
        np.testing.assert_allclose(together.m[i], alone.m[-1], atol=1e-9)
        assert together.updates[i] == len(alone.m) - 1
        assert together.loss[i] == pytest.approx(alone.losses[-1, 0], rel=1e-9)


def test_a_model_that_does_not_reach_its_bound_says_so():
    learnt = learn_many(np.zeros((1, 2, 2)), A, np.array([0.1]), Protocol(dt=0.5, max_updates=3), np.array([1e-9]))
    assert learnt.updates[0] == 3 and not learnt.converged[0]


def test_mirrored_trials_have_the_loss_and_gradient_of_one():
    """Because phi is odd, a trial of the other sign from the opposite offset adds the same loss and gradient again."""
    m = np.array([[1.2, 0.1], [-0.4, 0.7]])
    one = Protocol(dt=0.5, mirrored=True)
    value, d_m = model.gradient(m, pulse_episode(B, 0.1, one), 0.5, start=one.start)
    both = pulse_episode(B, 0.1, Protocol(dt=0.5))
    weights = torch.tensor(m, requires_grad=True)
    kappa = torch.tensor(np.stack([one.start, -one.start]))
    squares = torch.zeros(())
    for t in range(both.inputs.shape[1]):
        gamma = 1 / torch.sqrt(1 + torch.pi / 2 * (kappa**2).sum(-1, keepdim=True))
        kappa = 0.5 * kappa + 0.5 * (gamma * (kappa @ weights.T) + torch.tensor(both.inputs[:, t]))
        z = kappa / torch.sqrt(1 + torch.pi / 2 * (kappa**2).sum(-1, keepdim=True))
        squares = squares + (torch.tensor(both.mask[:, t]) * (z - torch.tensor(both.targets[:, t])) ** 2).sum()
    expected = squares / (2 * both.mask.sum())
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(d_m, weights.grad.numpy(), rtol=1e-9, atol=1e-12)


PROTOTYPE = Protocol(dt=0.2, rate=1.0, criterion=1e-4, mirrored=True)


def learn_a_then_b(drive: float, protocol: Protocol) -> tuple[np.ndarray, np.ndarray, float]:
    """M after A, M after B, and the loss on A after B relative to the untrained loss."""
    untrained = untrained_loss(drive, protocol)
    bounds, drives = np.array([protocol.criterion * untrained]), np.array([drive])
    first = learn_many(np.zeros((1, 2, 2)), A, drives, protocol, bounds)
    second = learn_many(first.m, B, drives, protocol, bounds)
    lost = model.loss(second.m[0], pulse_episode(A, drive, protocol), protocol.dt, start=protocol.start)
    return first.m[0], second.m[0], lost / untrained


def test_the_example_of_rotation():
    """An earlier prototype, to 0.02: diag(1.24, 0), then [[0.23, 0], [-0.95, 1.24]]; A at twice its untrained loss."""
    m_a, m_b, lost = learn_a_then_b(0.02, PROTOTYPE)
    np.testing.assert_allclose(m_a, np.diag([1.24, 0]), atol=0.02)
    np.testing.assert_allclose(m_b, [[0.23, 0], [-0.95, 1.24]], atol=0.02)
    assert lost == pytest.approx(2, abs=0.1)


def test_the_example_of_formation():
    """An earlier prototype, to 0.02: diag(0.93, 0.98), and nothing of A is lost."""
    _, m_b, lost = learn_a_then_b(0.15, PROTOTYPE)
    np.testing.assert_allclose(m_b, np.diag([0.93, 0.98]), atol=0.02)
    assert lost < 0.02


def test_the_default_rate_is_gradient_flow():
    """Rotation ends at the same M with rates 0.5 and 0.1, to 0.03; with rate 3 it ends elsewhere."""
    path = {rate: learn_a_then_b(0.02, Protocol(dt=0.5, rate=rate))[1] for rate in (0.1, Protocol().rate, 3.0)}
    np.testing.assert_allclose(path[Protocol().rate], path[0.1], atol=0.03)
    assert np.max(np.abs(path[3.0] - path[0.1])) > 0.3


def test_final_outputs_are_on_target_after_learning():
    protocol = Protocol(dt=0.5)
    m_a, _, _ = learn_a_then_b(0.15, protocol)
    outputs = final_outputs(m_a[None], A, np.array([0.15]), protocol)
    # A loss of 5e-4 of the untrained loss is an error of about sqrt(5e-4) = 2 % of the target.
    np.testing.assert_allclose(outputs[0, :, A], [0.5, -0.5], atol=0.02)
