"""The reference architecture and learning rule, registered through the same hooks as plugins."""

from __future__ import annotations

from rnnbench.plugin.hooks import hookimpl
from rnnbench.plugin.interfaces import Architecture
from rnnbench.plugin.learning_rule import LearningRule


@hookimpl
def rnnbench_architectures() -> list[type[Architecture]]:
    """The architectures that come with rnnbench."""
    from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN

    return [VanillaRNN]


@hookimpl
def rnnbench_rules() -> list[type[LearningRule]]:
    """The learning rules that come with rnnbench."""
    from rnnbench.engine.builtin.gradient_descent import GradientDescent

    return [GradientDescent]
