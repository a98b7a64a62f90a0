"""Errors in a task fail the cells that learn it and no others; these cells are computed once the task is repaired."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from rnnbench.benchmark.cells import cells_of
from rnnbench.cli.run_display import LiveDisplay
from rnnbench.errors import RnnbenchError
from rnnbench.execution.prepare import prepare
from rnnbench.execution.run import compute
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.executor import Report
from rnnbench.results.records import Result
from rnnbench.results.store import Store

SOUND = {"use": "fixed_points", "duration": 6, "loss_start": 3}
HISTORIES = 2 + 4


def benchmark(*tasks: Any) -> dict[str, Any]:
    return {
        "name": "tiny",
        "tasks": list(tasks),
        "architectures": [{"use": "vanilla_rnn", "units": 8}],
        "seeds": 1,
        "training": {"batch": 4, "max_updates": 4, "evaluate_every": 2, "evaluation_trials": 8},
    }


def computed(folder: Path, content: dict[str, Any]) -> dict[tuple[str, ...], Result]:
    """The result of each history, after the missing cells have been computed."""
    prepared = prepare(content, folder, workers=1, device="cpu")
    compute(prepared)
    store = Store(prepared.folder)
    records = {cell.history: store.get(cell.identity) for cell in cells_of(load_benchmark(content))}
    assert None not in records.values()
    return {history: record.result for history, record in records.items() if record is not None}


LATE = "if n_trials == {}:\n            raise ValueError('too many')\n        return Trials(ones, ones, ones)"
SAMPLES = {
    "raises": "raise KeyError('no such trial')",
    "raises with several lines": "raise ValueError('one\\ntwo')",
    "exits": "raise SystemExit(0)",
    "returns nothing": "pass",
    "returns arrays": "return ones, ones, ones",
    "lists for arrays": "return Trials(ones.tolist(), ones, ones)",
    "inputs without time": "return Trials(ones[:, 0], ones, ones)",
    "too many inputs": "return Trials(ones.repeat(2, axis=2), ones, ones)",
    "too few trials": "return Trials(ones[1:], ones[1:], ones[1:])",
    "targets too short": "return Trials(ones, ones[:, :2], ones)",
    "no steps": "return Trials(ones[:, :0], ones[:, :0], ones[:, :0])",
    "a mask of another shape": "return Trials(ones, ones, ones[:, :, 0])",
    "a mask of zeros": "return Trials(ones, ones, 0 * ones)",
    "a negative mask": "return Trials(ones, ones, -ones)",
    "NaN inputs": "return Trials(np.nan * ones, ones, ones)",
    "infinite targets": "return Trials(ones, np.inf * ones, ones)",
    "objects for numbers": "return Trials(ones.astype(object), ones, ones)",
    "texts for numbers": "return Trials(ones.astype(str), ones, ones)",
    "raises in training only": LATE.format(4),
    "raises in evaluation only": LATE.format(8),
    "NaN in evaluation only": "return Trials(ones if n_trials < 8 else np.nan * ones, ones, ones)",
}
METHODS = {
    "accuracy raises": "    def accuracy(self, outputs, trials):\n        return 1 / 0",
    "accuracy of one number": "    def accuracy(self, outputs, trials):\n        return 0.5",
}


@pytest.mark.parametrize(
    "fault",
    [*({"sample": line} for line in SAMPLES.values()), *({"body": lines} for lines in METHODS.values())],
    ids=[*SAMPLES, *METHODS],
)
def test_a_broken_task_fails_its_own_cells_and_no_others(tmp_path, make_plugin, task_source, fault) -> None:
    make_plugin("lamp-tasks", task_source("lamp", **fault))
    results = computed(tmp_path, benchmark(SOUND, "lamp"))
    assert len(results) == HISTORIES
    for history, result in results.items():
        if "lamp" not in history:
            assert (history, result.status, result.failure) == (history, "done", None)
            assert np.isfinite(result.after["fixed_points"].loss)
        else:
            assert (history, result.status) == (history, "failed")
            assert len(result.failure.message.splitlines()) == 1
    assert "lamp" in results["lamp",].failure.message
    # Only a loss that is not finite is a result of training; all other errors of a plugin may be repaired.
    assert results["lamp",].failure.kind in ("error", "diverged")
    assert results["lamp", "fixed_points"].failure.kind in ("parent", "error")


@pytest.mark.parametrize(
    ("name", "value"), [("n_inputs", "1 / 0"), ("n_inputs", "1.5"), ("n_outputs", "-1"), ("n_outputs", "0")]
)
def test_channels_that_cannot_be_counted_are_refused_before_anything_is_trained(
    tmp_path, make_plugin, task_source, name, value
) -> None:
    """Otherwise the networks of other tasks would have other channels and other numbers after the task is repaired."""
    body = f"    @property\n    def {name}(self):\n        return {value}"
    make_plugin("lamp-tasks", task_source("lamp", body=body))
    with pytest.raises(RnnbenchError, match="lamp") as caught:
        prepare(benchmark(SOUND, "lamp"), tmp_path, workers=1, device="cpu")
    assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_repaired_task_is_learnt_and_finished_cells_are_kept(tmp_path, make_plugin, task_source) -> None:
    make_plugin("lamp-tasks", task_source("lamp", sample="raise OSError('no stimulus file')"))
    before = computed(tmp_path, benchmark(SOUND, "lamp"))
    make_plugin("lamp-tasks", task_source("lamp"))
    after = computed(tmp_path, benchmark(SOUND, "lamp"))
    assert {history: (r.status, r.failure) for history, r in after.items()} == dict.fromkeys(after, ("done", None))
    assert after["fixed_points",].after["fixed_points"] == before["fixed_points",].after["fixed_points"]


def test_a_task_repaired_later_gives_the_results_of_a_correct_task(tmp_path, make_plugin, task_source) -> None:
    make_plugin("lamp-tasks", task_source("lamp", sample="raise OSError('no stimulus file')"))
    computed(tmp_path / "late", benchmark(SOUND, "lamp"))
    make_plugin("lamp-tasks", task_source("lamp"))
    assert computed(tmp_path / "late", benchmark(SOUND, "lamp")) == computed(
        tmp_path / "at once", benchmark(SOUND, "lamp")
    )


def test_a_broken_architecture_fails_its_own_cells_and_no_others(tmp_path, make_plugin, task_source) -> None:
    body = '''
class Dark(Architecture):
    """No weights."""

    name = "dark"

    @property
    def trained(self):
        return ("w",)

    def init(self, rng, n_inputs, n_outputs):
        raise RuntimeError("out of units")

    def step(self, weights, state, inputs, noise):
        return state

    def readout(self, weights, state):
        return state


@hookimpl
def rnnbench_architectures():
    return [Dark]
'''
    make_plugin("dark-nets", task_source(offers=None, body=body))
    content = benchmark(SOUND)
    content["architectures"].append("dark")
    prepared = prepare(content, tmp_path, workers=1, device="cpu")
    compute(prepared)
    statuses = {
        (cell.architecture.label, Store(prepared.folder).get(cell.identity).result.status)
        for cell in cells_of(load_benchmark(content))
    }
    assert statuses == {("vanilla_rnn", "done"), ("dark", "failed")}


def test_the_display_works_for_a_benchmark_whose_time_cannot_be_estimated(tmp_path, make_plugin, task_source) -> None:
    make_plugin("lamp-tasks", task_source("lamp", sample="raise OSError('no stimulus file')"))
    prepared = prepare(benchmark("lamp"), tmp_path, workers=1, device="cpu")
    written = io.StringIO()
    display = LiveDisplay(Console(file=written, force_terminal=True, color_system=None, highlight=False, width=100))
    compute(prepared, display)
    display.heard(Report(damaged=("a.json: damaged",)))
    assert "2 of 2 cells computed" in written.getvalue()
    assert "a.json: damaged" in written.getvalue()
