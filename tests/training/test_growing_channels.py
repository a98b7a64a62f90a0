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
from rnnbench.engine.autograd import GenericEngine
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.interfaces import Architecture, Batch
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
    return rnnbench.run(CONTENT | changes, home, workers=1, device="cpu")


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
    three = run(tmp_path, **THIRD)
    renamed = {"tasks": [*TASKS[:2], TASKS[2] | {"label": "D"}]}
    assert identities(**THIRD) & identities(**renamed) == identities()
    again = run(tmp_path, **renamed)
    assert again.computed == 1 + 5
    old = [row for row in rows_of(three) if b"C" not in row]
    assert len(old) == 4 and set(old) == set(rows_of(three)) & set(rows_of(again))


@pytest.mark.parametrize("channels", [{"idle_outputs": "zero"}, {"layout": "shared"}, {"output_correlation": 0.5}])
def test_every_cell_depends_on_all_tasks_if_networks_have_all_channels_from_the_start(channels, before, tmp_path):
    two = identities(channels=channels)
    assert len(two) == 2 + 4 and not two & identities()
    assert not two & identities(channels=channels, **THIRD)
    assert not two & identities(channels=channels, tasks=TASKS[1::-1])
    assert not two & identities(channels=channels, tasks=[TASKS[0], TASKS[1] | {"label": "D"}])
    assert two < identities(channels=channels, seeds=2)


# --- initial weights


def architectures() -> list[Architecture]:
    """Every architecture of rnnbench and rnnbench-architectures, and those with orthogonal vectors."""
    made = []
    for (kind, name), found in installed().found.items():
        if kind == "architecture" and found.package in ("rnnbench", "rnnbench-architectures"):
            fields, common = found.cls.model_fields, {"units": 16, "noise": 0.0, "learn": "all", "bias": True}
            for orthogonal in (False, True):
                if orthogonal <= ("orthogonal" in fields):
                    chosen = {n: v for n, v in (common | {"orthogonal": orthogonal}).items() if n in fields}
                    made.append(installed().build("architecture", name, chosen))
    return made


every = pytest.mark.parametrize(
    "architecture", architectures(), ids=lambda a: f"{a.name}-{getattr(a, 'orthogonal', '')}"
)


def test_all_architectures_are_tried():
    assert {"vanilla_rnn", "dale_rnn", "gru", "multilayer_rnn", "restricted_rnn"} <= {a.name for a in architectures()}


@every
def test_channels_of_a_do_not_depend_on_b_and_other_weights_on_no_task(architecture):
    a, ab, ba, b = (initial_weights(architecture, 3, layout_of(*labels)) for labels in ("A", "AB", "BA", "B"))
    with_channels = {*architecture.input_axes, *architecture.output_axes}
    for name in ab:
        np.testing.assert_array_equal(ab[name][tuple(map(slice, a[name].shape))], a[name])
        assert (ab[name].shape != a[name].shape) == (name in with_channels)
        if name not in with_channels:
            for other in (a, ba, b):
                np.testing.assert_array_equal(ab[name], other[name])
    if not getattr(architecture, "orthogonal", False):  # then B does not depend on A either
        for name, axis in [*architecture.input_axes.items(), *architecture.output_axes.items()]:
            alone, behind = (np.moveaxis(w[name], axis, 0)[-CHANNELS["B"] :] for w in (b, ab))
            np.testing.assert_array_equal(behind[..., -alone.shape[-1] :], alone)
    again = initial_weights(architecture, 4, layout_of("A", "B"))
    assert any(not np.array_equal(ab[name], again[name]) for name in ab)


@pytest.mark.parametrize("architecture", [a for a in architectures() if getattr(a, "orthogonal", False)], ids=repr)
def test_orthogonal_vectors_of_b_are_orthogonal_to_the_initial_vectors_of_a(architecture):
    weights = initial_weights(architecture, 3, layout_of("A", "B"))
    vectors = [np.moveaxis(weights[name], axis, 0) for name, axis in architecture.input_axes.items() if name != "m"]
    vectors += [np.moveaxis(weights[name], axis, 0) for name, axis in architecture.output_axes.items() if name != "m"]
    stacked = np.vstack(vectors)
    unit = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    np.testing.assert_allclose(unit @ unit.T, np.eye(len(unit)), atol=1e-12)


@every
def test_channels_that_are_silent_change_no_output_of_the_earlier_task(architecture):
    """Also after learning: the weights on the channels of A, and all others, are changed at random."""
    rng = np.random.default_rng(5)
    a, ab = layout_of("A"), layout_of("A", "B")
    all_initial = initial_weights(architecture, 3, ab)
    learnt = {
        name: w + (0.1 * rng.standard_normal(w.shape) if name in architecture.trained else 0)
        for name, w in initial_weights(architecture, 3, a).items()
    }
    inputs, outputs = rng.standard_normal((1, 20, 4, a.n_inputs)), []
    for weights, layout in ((learnt, a), (with_all_channels(learnt, all_initial), ab)):
        placed = np.zeros((1, 20, 4, layout.n_inputs))
        placed[..., : a.n_inputs] = inputs
        batch = Batch(torch.tensor(placed), *(torch.zeros(1, 20, 4, layout.n_outputs).double(),) * 2, (0,), None)
        population = {name: torch.tensor(w[None], dtype=torch.float64) for name, w in weights.items()}
        outputs.append((architecture.engine() or GenericEngine(architecture)).outputs(population, batch).numpy())
    assert np.abs(outputs[0]).max() > 0 and outputs[1].shape[-1] == ab.n_outputs
    np.testing.assert_allclose(outputs[1][..., : a.n_outputs], outputs[0], rtol=1e-10, atol=1e-13)


# --- architectures that do not say which axes count channels

WRONG = {
    "none": ("{}", "{}"),
    "no outputs": ('{"w_in": 1}', "{}"),
    "a wrong axis": ('{"w_in": 0}', '{"w_out": 0}'),
    "an axis that is not there": ('{"w_in": 1}', '{"w_out": 2}'),
    "a weight without channels": ('{"w_in": 1, "w_rec": 1}', '{"w_out": 0}'),
}


@pytest.mark.parametrize(("inputs", "outputs"), WRONG.values(), ids=WRONG)
def test_an_architecture_with_wrong_axes_fails_with_a_message_that_names_both_fields(
    make_plugin, tmp_path, inputs, outputs
):
    source = "from rnnbench import VanillaRNN, hookimpl\nclass Net(VanillaRNN):\n    name = 'net'\n"
    source += f"    input_axes = {inputs}\n    output_axes = {outputs}\n"
    make_plugin("lab-net", f"{source}@hookimpl\ndef rnnbench_architectures():\n    return [Net]\n")
    results = run(tmp_path, architectures=[{"use": "net", "units": 8, "learn": "all"}])
    assert results.computed == 2 + 4 and set(results.interference["status"]) == {"failed"}
    for message in results.interference["failure"]:
        assert "architecture net@1: weight w_" in message and len(message.splitlines()) == 1
        assert "input_axes" in message and "output_axes" in message
