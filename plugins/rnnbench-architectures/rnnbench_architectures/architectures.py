"""The architectures of this package."""

from rnnbench import Architecture
from rnnbench_architectures.dale_rnn import DaleRNN
from rnnbench_architectures.firing_rate_rnn import FiringRateRNN
from rnnbench_architectures.gru import GRU
from rnnbench_architectures.identity_rnn import IdentityRNN
from rnnbench_architectures.low_rank_rnn import LowRankRNN
from rnnbench_architectures.lstm import LSTM
from rnnbench_architectures.multilayer_rnn import MultilayerRNN
from rnnbench_architectures.orthogonal_rnn import OrthogonalRNN
from rnnbench_architectures.restricted_rnn import RestrictedRNN

ARCHITECTURES: list[type[Architecture]] = [
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
