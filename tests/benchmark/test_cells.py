"""The identity of a cell depends on everything that determines its numbers and on nothing else."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest

from rnnbench.benchmark.cells import STEM, Cell, identity_of
from rnnbench.benchmark.schema import digest
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
STEM_DIGITS, END_DIGITS = slice(STEM), slice(STEM, None)


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


THREE = changed("tasks", value=[*BASE["tasks"], "cycling"])

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
    "idle outputs left free, spelt out": changed("channels", value={"idle_outputs": "free"}),
    "a task not learnt": THREE,
    "label of a task not learnt": changed("tasks", value=[*BASE["tasks"], {"use": "cycling", "label": "a"}]),
    "training of a task not learnt": changed(
        "tasks", value=[*BASE["tasks"], {"use": "cycling", "training": {"evaluation_trials": 9}}]
    ),
    "order of the tasks": changed("tasks", value=BASE["tasks"][::-1]),
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
            "learn": "recurrent",
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
    "seed": changed("seeds", value=[5]),
    "dtype": changed("dtype", value="float64"),
    "idle outputs": changed("channels", value={"idle_outputs": "zero"}),
    "layout": changed("channels", value="shared"),
    "input correlation": changed("channels", value={"input_correlation": 0.5}),
}

ALL_TASKS = {
    "idle outputs": {"idle_outputs": "zero"},
    "layout": "shared",
    "input correlation": {"input_correlation": 0.5},
    "output correlation": {"output_correlation": 0.5},
}
"""Channels with which a network has the channels of all tasks of the benchmark from the start."""


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_the_identity_of_a_cell_does_not_depend_on(content) -> None:
    assert cell(content).identity == cell(BASE).identity


@pytest.mark.parametrize("content", OTHER.values(), ids=OTHER)
def test_the_identity_of_a_cell_depends_on(content) -> None:
    assert cell(content).identity != cell(BASE).identity


@pytest.mark.parametrize("channels", ALL_TASKS.values(), ids=ALL_TASKS)
def test_the_identity_of_a_cell_depends_on_tasks_not_learnt_if_the_network_has_their_channels(channels) -> None:
    tasks = [
        BASE["tasks"],
        BASE["tasks"][::-1],
        THREE["tasks"],
        [*BASE["tasks"], {"use": "cycling", "label": "a"}],
        [*BASE["tasks"], {"use": "cycling", "movement": 9}],
    ]
    contents = [{**BASE, "channels": channels, "tasks": chosen} for chosen in tasks]
    assert len({cell(content).identity for content in [BASE, *contents]}) == 1 + len(tasks)


def test_the_first_digits_of_an_identity_do_not_depend_on_the_budgets() -> None:
    """All other settings change the first digits."""
    identity, budgets = cell(BASE).identity, ("training: max_updates", "training of the first task")
    assert len(identity) == 64
    for name, content in OTHER.items():
        same_stem, same_end = (cell(content).identity[part] == identity[part] for part in (STEM_DIGITS, END_DIGITS))
        assert (same_stem, same_end) == ((True, False) if name in budgets else (False, True)), name


def test_cells_of_earlier_numerics_have_the_digest_of_their_description() -> None:
    description = cell(BASE).description | {"numerics": 2}
    assert identity_of(description) == digest(description)


@pytest.mark.parametrize(
    "description",
    [{}, {"numerics": "3"}, *({"numerics": 3} | rest for rest in ({}, {"history": 1}, {"history": [{"task": "a"}]}))],
)
def test_what_is_not_the_description_of_a_cell_has_no_identity(description) -> None:
    with pytest.raises(ValueError, match="not the description of a cell"):
        identity_of(description)


def test_every_parameter_of_the_built_ins_is_tried() -> None:
    b = load_benchmark(BASE)
    tried = {name.split(": ")[1] for name in OTHER if name.startswith(("architecture: ", "rule: "))}
    assert tried == set(b.architectures[0].parameters) | set(b.rules[0].parameters)


def test_the_identity_of_a_cell_depends_on_its_history() -> None:
    histories = [("fixed_points",), ("flip_flop",), PAIR, PAIR[::-1], ("flip_flop", "flip_flop")]
    assert len({cell(BASE, history).identity for history in histories}) == len(histories)


def test_the_identity_of_a_cell_depends_on_the_labels_of_its_tasks() -> None:
    """A label is part of the names of the random streams of a task's trials and channels."""
    renamed = changed("tasks", 1, "label", value="second")
    assert cell(renamed, ("fixed_points", "second")).identity != cell(BASE).identity
    assert cell(renamed, ("fixed_points",)).identity == cell(BASE, ("fixed_points",)).identity


def test_the_identity_of_a_cell_depends_on_the_version_of_a_plugin(make_plugin, task_source) -> None:
    for version in (1, 2):
        make_plugin(f"lamp{version}", task_source("lamp", version))
    identities = {cell({**BASE, "tasks": [f"lamp@{version}"]}, ("lamp",)).identity for version in (1, 2)}
    assert len(identities) == 2


def test_the_description_of_a_cell_survives_json() -> None:
    c = cell(BASE)
    again = json.loads(json.dumps(c.description))
    assert again == c.description
