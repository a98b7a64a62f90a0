"""rnnbench: continual learning in recurrent networks, measured.

To run: load_benchmark, run, load_results. To extend: Task, Architecture, LearningRule, hookimpl.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnnbench.builtin.gradient_descent import GradientDescent
from rnnbench.builtin.vanilla_rnn import VanillaRNN
from rnnbench.errors import RnnbenchError
from rnnbench.hookspecs import hookimpl
from rnnbench.interfaces import Architecture, Batch, Engine, LearningRule, Lesson, State, Task, Trials, Weights
from rnnbench.randomness import rng_for

if TYPE_CHECKING:
    from rnnbench.benchmark_file import load_benchmark
    from rnnbench.runner import Results, load_results, prepare, run

__all__ = [
    "Architecture",
    "Batch",
    "Engine",
    "GradientDescent",
    "LearningRule",
    "Lesson",
    "Results",
    "RnnbenchError",
    "State",
    "Task",
    "Trials",
    "VanillaRNN",
    "Weights",
    "hookimpl",
    "load_benchmark",
    "load_results",
    "prepare",
    "rng_for",
    "run",
]

# What runs benchmarks brings pandas and seaborn, two seconds that a plugin or a worker need not wait for.
_LATER = {
    "load_benchmark": "rnnbench.benchmark_file",
    "Results": "rnnbench.runner",
    "load_results": "rnnbench.runner",
    "prepare": "rnnbench.runner",
    "run": "rnnbench.runner",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")
