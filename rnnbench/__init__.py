"""rnnbench, a benchmark of continual learning in recurrent networks.

Use load_benchmark, run and load_results to run benchmarks, and Task, Architecture, LearningRule, Executor and hookimpl
to write plugins.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.engine.builtin.gradient_descent import GradientDescent
    from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
    from rnnbench.engine.loss import error_signal, losses, masked_loss
    from rnnbench.engine.nonlinearity import NONLINEARITIES, Nonlinearity
    from rnnbench.engine.one_at_a_time import SeenTrials, by_network, joined, one_at_a_time, separate
    from rnnbench.errors import RnnbenchError, Submitted
    from rnnbench.execution.jobs import bundled, read_bundle, write_bundles
    from rnnbench.execution.prepare import prepare
    from rnnbench.execution.run import run
    from rnnbench.execution.worker import Worker
    from rnnbench.loading.benchmark_file import load_benchmark
    from rnnbench.plugin.executor import Executor, Job, Listener, Report, Work
    from rnnbench.plugin.hooks import hookimpl
    from rnnbench.plugin.interfaces import (
        Architecture,
        Batch,
        Engine,
        LearningRule,
        State,
        Task,
        TaskContext,
        Trials,
        Weights,
    )
    from rnnbench.plugin.rate_network import RateNetwork, as_rate_network
    from rnnbench.randomness import rng_for
    from rnnbench.results.reading import Results, load_results
    from rnnbench.results.transfer import Parcel, packed, unpacked

__all__ = [
    "NONLINEARITIES",
    "Architecture",
    "Batch",
    "Engine",
    "Executor",
    "GradientDescent",
    "Job",
    "LearningRule",
    "Listener",
    "Nonlinearity",
    "Parcel",
    "RateNetwork",
    "Report",
    "Results",
    "RnnbenchError",
    "SeenTrials",
    "State",
    "Submitted",
    "Task",
    "TaskContext",
    "Trials",
    "VanillaRNN",
    "Weights",
    "Work",
    "Worker",
    "as_rate_network",
    "bundled",
    "by_network",
    "error_signal",
    "hookimpl",
    "joined",
    "load_benchmark",
    "load_results",
    "losses",
    "masked_loss",
    "one_at_a_time",
    "packed",
    "prepare",
    "read_bundle",
    "rng_for",
    "run",
    "separate",
    "unpacked",
    "write_bundles",
]

# Each name is imported when it is first used, so that plugins do not import pandas and seaborn, nor `--help` torch.
_MODULES = {
    "rnnbench.loading.benchmark_file": ["load_benchmark"],
    "rnnbench.engine.builtin.gradient_descent": ["GradientDescent"],
    "rnnbench.engine.builtin.vanilla_rnn": ["VanillaRNN"],
    "rnnbench.engine.loss": ["error_signal", "losses", "masked_loss"],
    "rnnbench.engine.one_at_a_time": ["SeenTrials", "by_network", "joined", "one_at_a_time", "separate"],
    "rnnbench.engine.nonlinearity": ["NONLINEARITIES", "Nonlinearity"],
    "rnnbench.execution.jobs": ["bundled", "read_bundle", "write_bundles"],
    "rnnbench.errors": ["RnnbenchError", "Submitted"],
    "rnnbench.plugin.executor": ["Executor", "Job", "Listener", "Report", "Work"],
    "rnnbench.plugin.hooks": ["hookimpl"],
    "rnnbench.plugin.rate_network": ["RateNetwork", "as_rate_network"],
    "rnnbench.plugin.interfaces": [
        "Architecture",
        "Batch",
        "Engine",
        "LearningRule",
        "State",
        "Task",
        "TaskContext",
        "Trials",
        "Weights",
    ],
    "rnnbench.results.transfer": ["Parcel", "packed", "unpacked"],
    "rnnbench.randomness": ["rng_for"],
    "rnnbench.results.reading": ["Results", "load_results"],
    "rnnbench.execution.prepare": ["prepare"],
    "rnnbench.execution.run": ["run"],
    "rnnbench.execution.worker": ["Worker"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
