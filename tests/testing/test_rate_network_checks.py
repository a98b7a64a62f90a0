"""Planted faults in what an architecture declares are found by the check that is about them."""

from __future__ import annotations

import pytest
import torch

from rnnbench import VanillaRNN
from rnnbench.testing.check import judge
from rnnbench.testing.rate_network_checks import connectivity, rate_network


class Numpy(VanillaRNN):
    def recurrent(self, weights):
        return weights["w_rec"].detach().numpy()


class Detached(VanillaRNN):
    def recurrent(self, weights):
        return weights["w_rec"].detach()


class OneNetwork(VanillaRNN):
    def recurrent(self, weights):
        w = weights["w_rec"]
        return w[0] if w.dim() == 3 else w


class NotSquare(VanillaRNN):
    def recurrent(self, weights):
        return weights["w_rec"][..., :3]


class Transposed(VanillaRNN):
    def recurrent(self, weights):
        return weights["w_rec"].mT


class OtherPhi(VanillaRNN):
    @property
    def phi(self):
        return torch.relu

    def step(self, weights, state, inputs, noise):
        return VanillaRNN(units=self.units).step(weights, state, inputs, noise)

    def readout(self, weights, state):
        return VanillaRNN(units=self.units).readout(weights, state)

    def recurrent(self, weights):
        return weights["w_rec"]

    def current(self, weights, inputs):
        return weights["w_in"] @ inputs


class WideCurrent(VanillaRNN):
    def current(self, weights, inputs):
        return (weights["w_in"] @ inputs)[None]


class NoCurrent(VanillaRNN):
    def current(self, weights, inputs):
        return 0 * (weights["w_in"] @ inputs)


@pytest.mark.parametrize(
    ("cls", "check", "message"),
    [
        (Numpy, connectivity, "recurrent() returns ndarray; expected a tensor [unit, unit] = (16, 16)"),
        (Detached, connectivity, "do not detach it"),
        (OneNetwork, connectivity, "of two networks returns (16, 16)"),
        (NotSquare, connectivity, "recurrent() returns shape (16, 3)"),
        (Transposed, rate_network, "step() differs from h + dt (-h + W phi(h) + I(x))"),
        (OtherPhi, rate_network, "step() differs from"),
        (WideCurrent, rate_network, "current() returns shape (1, 16); expected [unit] = (16,)"),
        (NoCurrent, rate_network, "step() differs from"),
    ],
)
def test_a_wrong_declaration_is_found(cls, check, message):
    found = judge(check, cls())
    assert found.outcome == "failed" and message in found.found


@pytest.mark.parametrize("check", [connectivity, rate_network])
def test_the_vanilla_rnn_is_what_it_declares(check):
    assert judge(check, VanillaRNN(bias=True, noise=0.3)).outcome == "passed"
