"""Architectures for rnnbench beside the vanilla rate RNN that it brings along."""

from rnnbench import Architecture, hookimpl
from rnnbench_architectures.restricted_rnn import RestrictedRNN


@hookimpl
def rnnbench_architectures() -> list[type[Architecture]]:
    """The architectures of this package."""
    return [RestrictedRNN]
