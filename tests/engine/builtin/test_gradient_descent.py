"""Gradient descent is compared with the optimisers of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench.engine.builtin.gradient_descent import GradientDescent
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.plugin.learning_rule import TaskContext

PEERS = {
    "sgd": torch.optim.SGD,
    "momentum": lambda w, lr: torch.optim.SGD(w, lr, momentum=0.9),
    "rmsprop": lambda w, lr: torch.optim.RMSprop(w, lr, alpha=0.999),
    "adam": torch.optim.Adam,
}


def unused(*args):
    raise AssertionError("gradient descent uses only the architecture of the context")


def context(architecture):
    functions = dict.fromkeys(["gradient", "outputs", "sample", "rngs", "on"], unused)
    return TaskContext(architecture, "a", 0, (), torch.ones(2, dtype=torch.bool), **functions)


@pytest.mark.parametrize("optimizer", sorted(PEERS))
def test_steps_are_those_of_torch(optimizer):
    architecture = VanillaRNN(units=7, learn="all")
    each = [architecture.init(np.random.default_rng(k), 2, 2) for k in range(3)]
    weights = {name: torch.tensor(np.stack([w[name] for w in each])) for name in each[0]}
    rule = GradientDescent(optimizer=optimizer, learning_rate=0.01)
    peers = {name: w.clone().requires_grad_() for name, w in weights.items()}
    peer = PEERS[optimizer](peers.values(), lr=0.01)
    state = rule.begin_task(weights, {}, context(architecture))
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        gradients = {n: torch.randn(w.shape, dtype=w.dtype, generator=generator) for n, w in weights.items()}
        weights, state = rule.update(weights, gradients, state)
        for name, w in peers.items():
            w.grad = gradients[name].clone()
        peer.step()
    for name, w in peers.items():
        torch.testing.assert_close(weights[name], w.detach(), rtol=1e-12, atol=1e-14)


def test_weights_without_a_gradient_do_not_change():
    weights = {"w_rec": torch.ones(1, 2, 2), "w_in": torch.ones(1, 2, 1)}
    new, _ = GradientDescent(optimizer="sgd").update(weights, {"w_rec": torch.ones(1, 2, 2)}, {})
    assert torch.equal(new["w_in"], weights["w_in"]) and not torch.equal(new["w_rec"], weights["w_rec"])


def test_networks_that_leave_do_not_change_the_others():
    """Adam counts updates for each network, so that the remaining networks are the same after half have left."""
    architecture = VanillaRNN(units=5, learn="recurrent")
    rule = GradientDescent()
    weights = {"w_rec": torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(0))}
    the_context = context(architecture)
    both = weights, rule.begin_task(weights, {}, the_context)
    part = {"w_rec": weights["w_rec"][2:]}, rule.begin_task({"w_rec": weights["w_rec"][2:]}, {}, the_context)
    generator = torch.Generator().manual_seed(1)
    for k in range(6):
        g = torch.randn(4, 5, 5, generator=generator)
        both = rule.update(both[0], {"w_rec": g[-len(both[0]["w_rec"]) :]}, both[1])
        part = rule.update(part[0], {"w_rec": g[2:]}, part[1])
        if k == 2:
            both = {n: w[2:] for n, w in both[0].items()}, {n: s[2:] for n, s in both[1].items()}
    assert torch.equal(both[0]["w_rec"], part[0]["w_rec"])
