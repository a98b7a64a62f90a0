"""rnnbench: continual learning in recurrent networks, measured.

To run: load_benchmark, run, load_results. To extend: Task, Architecture, LearningRule, Executor, hookimpl.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.benchmark_file import load_benchmark
    from rnnbench.builtin.gradient_descent import GradientDescent
    from rnnbench.builtin.vanilla_rnn import VanillaRNN
    from rnnbench.bundles import bundled, read_bundle, write_bundles
    from rnnbench.engine.loss import error_signal, losses, masked_loss
    from rnnbench.engine.nonlinearity import NONLINEARITIES, Nonlinearity
    from rnnbench.errors import RnnbenchError, Submitted
    from rnnbench.execution import Executor, Job, Listener, Report, Work
    from rnnbench.hookspecs import hookimpl
    from rnnbench.interfaces import (
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
    from rnnbench.parcels import Parcel, packed, unpacked
    from rnnbench.randomness import rng_for
    from rnnbench.results import Results, load_results
    from rnnbench.runner import prepare, run
    from rnnbench.worker import Worker

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
    "Report",
    "Results",
    "RnnbenchError",
    "State",
    "Submitted",
    "Task",
    "TaskContext",
    "Trials",
    "VanillaRNN",
    "Weights",
    "Work",
    "Worker",
    "bundled",
    "error_signal",
    "hookimpl",
    "load_benchmark",
    "load_results",
    "losses",
    "masked_loss",
    "packed",
    "prepare",
    "read_bundle",
    "rng_for",
    "run",
    "unpacked",
    "write_bundles",
]

# Each name is loaded when it is asked for: a plugin need not wait for pandas and seaborn, nor `--help` for torch.
_MODULES = {
    "rnnbench.benchmark_file": ["load_benchmark"],
    "rnnbench.builtin.gradient_descent": ["GradientDescent"],
    "rnnbench.builtin.vanilla_rnn": ["VanillaRNN"],
    "rnnbench.engine.loss": ["error_signal", "losses", "masked_loss"],
    "rnnbench.engine.nonlinearity": ["NONLINEARITIES", "Nonlinearity"],
    "rnnbench.bundles": ["bundled", "read_bundle", "write_bundles"],
    "rnnbench.errors": ["RnnbenchError", "Submitted"],
    "rnnbench.execution": ["Executor", "Job", "Listener", "Report", "Work"],
    "rnnbench.hookspecs": ["hookimpl"],
    "rnnbench.interfaces": [
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
    "rnnbench.parcels": ["Parcel", "packed", "unpacked"],
    "rnnbench.randomness": ["rng_for"],
    "rnnbench.results": ["Results", "load_results"],
    "rnnbench.runner": ["prepare", "run"],
    "rnnbench.worker": ["Worker"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")
