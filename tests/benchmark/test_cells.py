"""The identity of a cell depends on everything that determines its numbers and on nothing else."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest

from rnnbench.benchmark.cells import Cell
from rnnbench.loading.benchmark_file import load_benchmark

BASE: dict[str, Any] = {
    "name": "x",
    "tasks": [{"use": "fixed_points", "duration": 6, "loss_start": 3}, {"use": "flip_flop", "channels": 2}],
    "architectures": [{"use": "vanilla_rnn", "units": 8, "g": 0.9}],
    "rules": [{"use": "gradient_descent", "learning_rate": 0.001}],
    "seeds": [4],
    "training": {"batch": 4, "max_updates": 10},
}
PAIR = ("fixed_points", "flip_flop")


def cell(content: dict[str, Any], history: tuple[str, ...] = PAIR) -> Cell:
    b = load_benchmark(content)
    return Cell(b, b.architectures[0], b.rules[0], b.seeds[0], history)


def changed(*path: str | int, value: Any) -> dict[str, Any]:
    """Return BASE with one value set."""
    content = copy.deepcopy(BASE)
    inner: Any = content
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return content


def mirrored(value: Any) -> Any:
    """Return the value with the keys of every mapping in reverse order."""
    if isinstance(value, dict):
        return {k: mirrored(value[k]) for k in reversed(value)}
    return [mirrored(v) for v in value] if isinstance(value, list) else value


SAME = {
    "label of an architecture": changed("architectures", 0, "label", value="net"),
    "label of a rule": changed("rules", 0, "label", value="adam"),
    "name": changed("name", value="y"),
    "description": changed("description", value="another"),
    "other seeds beside it": changed("seeds", value=[4, 5]),
    "other architectures beside it": changed(
        "architectures", value=[*BASE["architectures"], {"use": "vanilla_rnn", "units": 9}]
    ),
    "a default spelt out": changed("architectures", 0, "nonlinearity", value="tanh"),
    "a default of training spelt out": changed("training", "evaluate_every", value=25),
    "6.0 for 6": changed("tasks", 0, "duration", value=6.0),
    "the id instead of the name": changed("tasks", 1, "use", value="flip_flop@1"),
    "a sweep of one value": changed(
        "architectures", 0, value={"use": "vanilla_rnn", "units": 8, "sweep": {"g": [0.9]}}
    ),
    "training given by the task": {
        **{k: v for k, v in BASE.items() if k != "training"},
        "tasks": [{**task, "training": BASE["training"]} for task in BASE["tasks"]],
    },
    "the rule's learning rate given by training": changed("training", "learning_rate", value=0.001),
    "keys in another order": mirrored(BASE),
}

OTHER = {
    **{
        f"architecture: {name}": changed("architectures", 0, name, value=value)
        for name, value in {
            "units": 9,
            "dt": 0.25,
            "g": 0.91,
            "nonlinearity": "relu",
            "readout_scale": "large",
            "orthogonal": True,
            "learn": "all",
            "bias": True,
            "noise": 0.1,
            "initial_state_std": 0.1,
        }.items()
    },
    **{
        f"rule: {name}": changed("rules", 0, name, value=value)
        for name, value in {
            "optimizer": "sgd",
            "learning_rate": math.nextafter(0.001, 1),
            "beta1": 0.8,
            "beta2": 0.99,
            "epsilon": 1e-7,
        }.items()
    },
    **{
        f"training: {name}": changed("training", name, value=value)
        for name, value in {
            "batch": 5,
            "max_updates": 11,
            "criterion": {"loss": 0.1},
            "evaluate_every": 5,
            "evaluation_trials": 64,
            "learning_rate": 0.1,
        }.items()
    },
    "first task": changed("tasks", 0, "drive", value=0.5),
    "second task": changed("tasks", 1, "duration", value=26),
    "training of the first task": changed("tasks", 0, "training", value={"max_updates": 9}),
    "label of a task not learnt": changed("tasks", value=[*BASE["tasks"], {"use": "cycling", "label": "a"}]),
    "seed": changed("seeds", value=[5]),
    "dtype": changed("dtype", value="float64"),
    "idle outputs": changed("channels", value={"idle_outputs": "free"}),
    "layout": changed("channels", value="shared"),
    "input correlation": changed("channels", value={"input_correlation": 0.5}),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_the_identity_of_a_cell_does_not_depend_on(content) -> None:
    assert cell(content).identity == cell(BASE).identity


@pytest.mark.parametrize("content", OTHER.values(), ids=OTHER)
def test_the_identity_of_a_cell_depends_on(content) -> None:
    assert cell(content).identity != cell(BASE).identity


def test_every_parameter_of_the_built_ins_is_tried() -> None:
    b = load_benchmark(BASE)
    tried = {name.split(": ")[1] for name in OTHER if name.startswith(("architecture: ", "rule: "))}
    assert tried == set(b.architectures[0].parameters) | set(b.rules[0].parameters)


def test_the_identity_of_a_cell_depends_on_its_history() -> None:
    histories = [("fixed_points",), ("flip_flop",), PAIR, PAIR[::-1], ("flip_flop", "flip_flop")]
    assert len({cell(BASE, history).identity for history in histories}) == len(histories)


def test_the_identity_of_a_cell_depends_on_the_version_of_a_plugin(make_plugin, task_source) -> None:
    for version in (1, 2):
        make_plugin(f"lamp{version}", task_source("lamp", version))
    identities = {cell({**BASE, "tasks": [f"lamp@{version}"]}, ("lamp",)).identity for version in (1, 2)}
    assert len(identities) == 2


def test_the_description_of_a_cell_survives_json() -> None:
    c = cell(BASE)
    again = json.loads(json.dumps(c.description))
    assert again == c.description
