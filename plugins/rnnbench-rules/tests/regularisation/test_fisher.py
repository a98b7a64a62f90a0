"""The Fisher information against the sum over trials, times and outputs of squared Jacobians, by autograd."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rnnbench import GradientDescent, VanillaRNN
from rnnbench_rules.regularisation.batches import of_each_network
from rnnbench_rules.regularisation.fisher import diagonal_fisher

N_BATCHES = 800


def exact(network, batch, dt: float) -> dict[str, torch.Tensor]:
    """sum m (dz/dw)^2 / sum m of one network by a reference loop; the batch is [time, trial, channel]."""

    def answers(w_rec, w_in, w_out):
        h, z = torch.zeros(batch.inputs.shape[1], len(w_rec), dtype=w_rec.dtype), []
        for x in batch.inputs:
            h = (1 - dt) * h + dt * (torch.tanh(h) @ w_rec.T + x @ w_in.T)
            z.append(torch.tanh(h) @ w_out.T)
        return torch.stack(z)

    names = ("w_rec", "w_in", "w_out")
    jacobians = torch.autograd.functional.jacobian(answers, tuple(network[name] for name in names))
    mask = batch.mask[..., None, None]
    return {
        name: (mask * j.square()).sum((0, 1, 2)) / batch.mask.sum() for name, j in zip(names, jacobians, strict=True)
    }


@pytest.fixture(scope="module")
def two(histories):
    """Two networks in float64 that always get the same trials; the mask has values other than 0 and 1."""
    held = histories(GradientDescent(), VanillaRNN(units=4, learn="all"), dtype=torch.float64)
    weights, context = held.weights([0, 1]), held.context("b", [0, 1])
    batch = of_each_network(context.sample("train", 0, 3))
    mask = batch.mask.clone()
    mask[:, ::2] *= 0.25
    batch = replace(batch, mask=mask)
    return weights, replace(context, sample=lambda purpose, step, n: batch), batch


def test_the_squared_gradient_to_targets_drawn_from_the_network_is_the_fisher_information(two):
    """Tolerance: 5 standard errors of each weight, since a squared Gaussian of mean F has variance 2 F^2."""
    weights, context, batch = two
    fisher = diagonal_fisher(weights, context, N_BATCHES, 3)
    for n in range(2):
        one = replace(batch, inputs=batch.inputs[n], targets=batch.targets[n], mask=batch.mask[n])
        for name, f in exact({k: w[n] for k, w in weights.items()}, one, 0.5).items():
            error = (2 / N_BATCHES) ** 0.5
            assert ((fisher[name][n] - f).abs() <= 5 * error * f + 1e-12).all() and f.max() > 0


def test_it_does_not_vanish_where_the_targets_are_hit(two):
    """The empirical Fisher information does vanish, since its gradients are 0 there."""
    weights, context, batch = two
    learnt = replace(batch, targets=context.outputs(weights, batch))
    solved = replace(context, sample=lambda purpose, step, n: learnt)
    assert all((g == 0).all() for g in context.gradient(weights, learnt)[1].values())
    ours, before = diagonal_fisher(weights, solved, 5, 3), diagonal_fisher(weights, context, 5, 3)
    assert all((ours[name] == before[name]).all() and ours[name].max() > 0 for name in ours)


def test_it_depends_on_the_number_of_trials_only_by_chance(histories):
    networks = histories(GradientDescent())
    weights, context = networks.weights([0]), networks.context("a", [0])
    few, many = diagonal_fisher(weights, context, 150, 2), diagonal_fisher(weights, context, 150, 16)
    for name in few:  # the sampling errors of these sums are below 10 %
        torch.testing.assert_close(few[name].sum(), many[name].sum(), rtol=0.25, atol=0)
