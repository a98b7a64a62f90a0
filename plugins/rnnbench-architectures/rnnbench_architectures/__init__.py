"""Architectures for rnnbench, in addition to its own vanilla rate RNN."""

from rnnbench import Architecture, hookimpl


@hookimpl
def rnnbench_architectures() -> list[type[Architecture]]:
    """Return the architectures of this package."""
    # Imported here, so that who asks for a task does not wait for them.
    from rnnbench_architectures.architectures import ARCHITECTURES

    return ARCHITECTURES
