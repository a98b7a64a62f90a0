"""Which architectures compute with the weights w_rec, w_in, w_out and b as they are learnt."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from rnnbench import Architecture, Nonlinearity, RateNetwork, VanillaRNN, as_rate_network

STARTS = (Architecture.initial_state, VanillaRNN.initial_state)
CHANNELS = 1
"""Inputs and outputs of the network on which a declaration is tried."""


def is_rate_rnn(architecture: Architecture) -> bool:
    """Whether an architecture has the equation and the weights of the vanilla RNN.

    It declares a rate network (`rnnbench.RateNetwork`) with one of rnnbench's nonlinearities, with W = w_rec,
    I(x) = w_in x + b and z = w_out phi(h), which starts at rest or at the weight `h0`.
    """
    return _is_rate_rnn(type(architecture), architecture.model_dump_json())


@lru_cache(maxsize=256)
def _is_rate_rnn(cls: type[Architecture], parameters: str) -> bool:
    """Kept, because rules ask at every update."""
    architecture = cls.model_validate_json(parameters)
    network = as_rate_network(architecture)
    if network is None or not isinstance(network.phi, Nonlinearity):
        return False
    if cls.initial_state not in STARTS or (architecture.n_noise and not hasattr(architecture, "noise")):
        return False
    try:
        return _computes_with_its_weights(architecture, network)
    except (Exception, SystemExit):  # it has other weights, or what it declares cannot be computed
        return False


def _computes_with_its_weights(architecture: Architecture, network: RateNetwork) -> bool:
    """Whether W = w_rec, I(x) = w_in x + b and z = w_out phi(h) in one network of random weights."""
    rng = np.random.default_rng(0)
    weights = {n: torch.tensor(w) for n, w in architecture.init(rng, CHANNELS, CHANNELS).items()}
    if network.recurrent(weights) is not weights["w_rec"]:
        return False
    if "b" in weights:  # 0 before training
        weights["b"] = torch.tensor(rng.standard_normal(architecture.units))
    x, h = torch.tensor(rng.standard_normal(CHANNELS)), torch.tensor(rng.standard_normal((3, architecture.units)))
    current = weights["w_in"] @ x + weights.get("b", torch.zeros(()))
    outputs = network.phi(h) @ weights["w_out"].mT
    return torch.allclose(network.current(weights, x), current) and torch.allclose(
        architecture.readout(weights, h), outputs
    )
