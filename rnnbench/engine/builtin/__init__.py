"""The reference set-up, registered through the very hooks that plugins use."""

from __future__ import annotations

from rnnbench.engine.builtin.gradient_descent import GradientDescent
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.plugin.hooks import hookimpl
from rnnbench.plugin.interfaces import Architecture, LearningRule


@hookimpl
def rnnbench_architectures() -> list[type[Architecture]]:
    return [VanillaRNN]


@hookimpl
def rnnbench_rules() -> list[type[LearningRule]]:
    return [GradientDescent]
