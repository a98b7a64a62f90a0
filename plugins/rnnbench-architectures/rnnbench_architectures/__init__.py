"""Architectures for rnnbench, in addition to its own vanilla rate RNN."""

from rnnbench import Architecture, hookimpl


@hookimpl
def rnnbench_architectures() -> list[type[Architecture]]:
    """Return the architectures of this package."""
    # Imported here and not above, so that commands that only need a task do not wait for these imports.
    from rnnbench_architectures.architectures import ARCHITECTURES

    return ARCHITECTURES
