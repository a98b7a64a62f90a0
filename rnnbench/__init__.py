"""rnnbench: continual learning in recurrent networks, measured."""

from rnnbench.hookspecs import hookimpl
from rnnbench.interfaces import Architecture, Batch, Engine, LearningRule, Lesson, Task, Trials
from rnnbench.randomness import rng_for

__all__ = [
    "Architecture",
    "Batch",
    "Engine",
    "LearningRule",
    "Lesson",
    "Task",
    "Trials",
    "hookimpl",
    "rng_for",
]
