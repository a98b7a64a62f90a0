"""Architectures for rnnbench, in addition to its own vanilla rate RNN."""

from rnnbench import Architecture, hookimpl
from rnnbench_architectures.dale_rnn import DaleRNN
from rnnbench_architectures.firing_rate_rnn import FiringRateRNN
from rnnbench_architectures.gru import GRU
from rnnbench_architectures.identity_rnn import IdentityRNN
from rnnbench_architectures.low_rank_rnn import LowRankRNN
from rnnbench_architectures.lstm import LSTM
from rnnbench_architectures.multilayer_rnn import MultilayerRNN
from rnnbench_architectures.orthogonal_rnn import OrthogonalRNN
from rnnbench_architectures.restricted_rnn import RestrictedRNN

__all__ = [
    "GRU",
    "LSTM",
    "DaleRNN",
    "FiringRateRNN",
    "IdentityRNN",
    "LowRankRNN",
    "MultilayerRNN",
    "OrthogonalRNN",
    "RestrictedRNN",
]


@hookimpl
def rnnbench_architectures() -> list[type[Architecture]]:
    """Return the architectures of this package."""
    return [
        DaleRNN,
        FiringRateRNN,
        GRU,
        IdentityRNN,
        LowRankRNN,
        LSTM,
        MultilayerRNN,
        OrthogonalRNN,
        RestrictedRNN,
    ]
