"""Which architectures compute with the weights w_rec, w_in, w_out and b as they are learnt."""

from __future__ import annotations

import torch

from rnnbench import Architecture, Nonlinearity, VanillaRNN, as_rate_network

STARTS = (Architecture.initial_state, VanillaRNN.initial_state)


def is_rate_rnn(architecture: Architecture) -> bool:
    """Whether an architecture has the equation and the weights of the vanilla RNN.

    It declares a rate network (`rnnbench.RateNetwork`) whose connectivity is the weight `w_rec` itself and not made
    from others, whose phi is one of rnnbench's, and which starts at rest or at the weight `h0`.
    """
    network = as_rate_network(architecture)
    if network is None or not isinstance(network.phi, Nonlinearity):
        return False
    if type(architecture).initial_state not in STARTS or (architecture.n_noise and not hasattr(architecture, "noise")):
        return False
    mark = torch.empty(0)
    try:
        return network.recurrent({"w_rec": mark}) is mark
    except (KeyError, RuntimeError):  # made from other weights
        return False
