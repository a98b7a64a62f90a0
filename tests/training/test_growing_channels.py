"""Networks receive the channels of a task when they begin to learn it, so that they depend on no other task."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnnbench
from rnnbench.benchmark.cells import Cell, cells_of
from rnnbench.benchmark.schema import Channels
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.registry import installed
from rnnbench.results.records import WEIGHT, split
from rnnbench.results.store import Store
from rnnbench.training.channels import Layout
from rnnbench.training.initial_weights import initial_weights, with_all_channels
from rnnbench.training.setting import Setting
from rnnbench.training.stage import Start
from rnnbench.training.trainer import Trainer

# As many outputs as inputs, which restricted_rnn needs, and another number for each task.
CHANNELS = {"A": 1, "B": 2, "C": 3}
TASKS = [{"use": "flip_flop", "label": label, "channels": n, "duration": 4} for label, n in CHANNELS.items()]
CONTENT: dict[str, Any] = {
    "name": "growing",
    "tasks": TASKS[:2],
    "architectures": [{"use": "vanilla_rnn", "units": 12, "learn": "all", "sweep": {"g": [0.5]}}],
    "rules": [{"use": "gradient_descent", "learning_rate": 0.02}],
    "seeds": 1,
    "training": {
        "batch": 4,
        "max_updates": 5,
        "evaluate_every": 5,
        "evaluation_trials": 8,
        "criterion": {"loss": 1e-9},
    },
}
N_UPDATES = 5


def run(home: Path, **changes: Any) -> rnnbench.Results:
    return rnnbench.run(CONTENT | changes, home, workers=1, device="cpu", figures=False)


def identities(**changes: Any) -> set[str]:
    return {cell.identity for cell in cells_of(load_benchmark(CONTENT | changes))}


def layout_of(*labels: str) -> Layout:
    build = installed().build
    return Layout(Channels(), {n: build("task", "flip_flop@1", {"channels": CHANNELS[n]}) for n in labels})


# --- the same experiment as with all channels from the start


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("orthogonal", [False, True])
def test_a_network_that_grows_is_the_network_that_had_all_channels_from_the_start(
    tmp_path, dtype, tolerance, optimizer, orthogonal
):
    """A, B, A again and C: the weights after each stage and all losses on the way."""
    history = ("A", "B", "A", "C")
    network = CONTENT["architectures"][0] | {"orthogonal": orthogonal}
    rule = CONTENT["rules"][0] | {"optimizer": optimizer, "learning_rate": {"sgd": 1.0, "adam": 0.02}[optimizer]}
    changes = {"tasks": TASKS, "protocol": [history], "dtype": dtype, "architectures": [network], "rules": [rule]}
    results = run(tmp_path, **changes)
    assert results.computed == len(history) and not results.failures

    setting, store = Setting(results.benchmark, installed()), Store(results.folder)
    spec = results.benchmark
    architecture, rule = setting.architecture(spec.architectures[0]), setting.rule(spec.rules[0])
    layout, evaluation = layout_of("A", "B", "C"), dict.fromkeys("ABC", 8)
    trainer = Trainer(setting.tasks, layout, architecture, rule, evaluation, setting.dtype, torch.device("cpu"))
    weights = first = initial_weights(architecture, 0, layout)
    for position, label in enumerate(history):
        learnt, training = history[: position + 1], spec.task(label).training
        occurrence = learnt[:-1].count(label)
        start = Start(0, occurrence, N_UPDATES, 1e-9, (*dict.fromkeys(n for n in learnt if n != label), label), weights)
        (outcome,) = trainer.train(label, position, training, [start])
        weights = outcome.weights

        record = store.get(Cell(spec, spec.architectures[0], spec.rules[0], 0, learnt).identity)
        grown = split(store.arrays(record), WEIGHT)
        n_channels = sum(CHANNELS[n] for n in set(learnt))
        assert grown["w_in"].shape == (12, n_channels) and grown["w_out"].shape == (n_channels, 12)
        expected = with_all_channels(grown, first)  # channels of later tasks still have their initial weights
        for name, w in weights.items():
            assert w.shape == expected[name].shape and w.dtype == np.dtype(dtype)
            np.testing.assert_allclose(expected[name], w, rtol=0, atol=tolerance * np.abs(w).max())
            assert np.abs(w - first[name]).max() > 1e-3 * np.abs(w).max()  # something was learnt
        assert record.result.updates == outcome.updates == N_UPDATES
        for name, score in record.result.after.items():
            assert score.loss == pytest.approx(outcome.after[name].loss, rel=100 * tolerance)


# --- other tasks, seeds and networks beside it

THIRD = {"tasks": TASKS}
MORE = {
    "a third task": (THIRD, 1 + 5),  # the task alone; before and after A and B, and after itself
    "a third task in front": ({"tasks": TASKS[::-1]}, 1 + 5),
    "another order": ({"tasks": TASKS[1::-1]}, 0),
    "another seed": ({"seeds": 2}, 2 + 4),
    "two other values of g": (
        {"architectures": [CONTENT["architectures"][0] | {"sweep": {"g": [0.5, 0.7, 0.9]}}]},
        2 * (2 + 4),
    ),
    "a third task, another seed and another g": (
        THIRD | {"seeds": 2, "architectures": [CONTENT["architectures"][0] | {"sweep": {"g": [0.5, 0.7]}}]},
        2 * 2 * (3 + 9) - (2 + 4),
    ),
}


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> rnnbench.Results:
    return run(tmp_path_factory.mktemp("before"))


def rows_of(results: rnnbench.Results) -> list[bytes]:
    """The rows of interference.csv as they are in the file, without the header."""
    return (results.folder / "interference.csv").read_bytes().splitlines()[1:]


def cell_files(results: rnnbench.Results) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (results.folder / "cells").glob("*/*.*")}


@pytest.mark.parametrize(("changes", "new"), MORE.values(), ids=MORE)
def test_only_new_cells_are_computed_and_old_rows_stay_as_they_are(before, tmp_path, changes, new):
    assert before.computed == 2 + 4
    assert identities() <= identities(**changes) and len(identities(**changes) - identities()) == new
    shutil.copytree(before.folder, tmp_path / "growing")
    after = run(tmp_path, **changes)
    assert after.computed == new
    written = {json.loads(text)["identity"] for name, text in cell_files(after).items() if name.endswith(".json")}
    assert written == identities(**changes)
    assert cell_files(before).items() <= cell_files(after).items()
    header = [(each.folder / "interference.csv").read_bytes().splitlines()[0] for each in (before, after)]
    assert header[0] == header[1]
    assert set(rows_of(before)) <= set(rows_of(after)) and len(rows_of(before)) == 4
    # A fresh run of the larger benchmark gives the same file.
    fresh = run(tmp_path / "fresh", **changes)
    assert rows_of(fresh) == rows_of(after)


def test_without_a_task_nothing_is_computed_and_the_other_rows_stay_as_they_are(before, tmp_path):
    run(tmp_path, **THIRD)
    fewer = run(tmp_path)
    assert fewer.computed == 0 and rows_of(fewer) == rows_of(before)


def test_another_label_of_a_task_concerns_the_cells_that_learn_it(tmp_path):
    three = rows_of(run(tmp_path, **THIRD))
    renamed = {"tasks": [*TASKS[:2], TASKS[2] | {"label": "D"}]}
    assert identities(**THIRD) & identities(**renamed) == identities()
    again = run(tmp_path, **renamed)
    assert again.computed == 1 + 5
    old = [row for row in three if b"C," not in row]
    assert len(old) == 4 and set(old) == set(three) & set(rows_of(again))


@pytest.mark.parametrize("channels", [{"idle_outputs": "zero"}, {"layout": "shared"}, {"output_correlation": 0.5}])
def test_every_cell_depends_on_all_tasks_if_networks_have_all_channels_from_the_start(channels, before, tmp_path):
    two = identities(channels=channels)
    assert len(two) == 2 + 4 and not two & identities()
    assert not two & identities(channels=channels, **THIRD)
    assert not two & identities(channels=channels, tasks=TASKS[1::-1])
    assert not two & identities(channels=channels, tasks=[TASKS[0], TASKS[1] | {"label": "D"}])
    assert two < identities(channels=channels, seeds=2)
