"""Conditions: several settings in one benchmark, each with the results of a benchmark of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import rnnbench
from rnnbench.benchmark.cells import cells_of
from rnnbench.errors import BenchmarkError
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.results.columns import INTERFERENCE
from rnnbench.results.networks import condition_columns

TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}
PLAIN = {
    "name": "plain",
    "tasks": [{**TASK, "label": "A"}, {**TASK, "label": "B"}],
    "architectures": [{"use": "vanilla_rnn", "units": 16, "sweep": {"g": [0.5, 1.0]}}],
    "rules": [{"use": "gradient_descent", "learning_rate": 3e-3}],
    "seeds": 2,
    "training": {"batch": 4, "max_updates": 20, "evaluate_every": 10, "evaluation_trials": 8},
}
DRIVEN = PLAIN | {"name": "driven", "conditions": {"drive": [0.1, 0.6]}}


@pytest.fixture(scope="module")
def driven(tmp_path_factory) -> rnnbench.Results:
    return rnnbench.run(DRIVEN, results=tmp_path_factory.mktemp("driven"), workers=1)


def by_hand(drive: float) -> dict:
    return PLAIN | {"tasks": [{**task, "drive": drive} for task in PLAIN["tasks"]]}


def test_the_cells_of_a_condition_are_those_of_a_benchmark_with_its_values_written_out():
    identities = {cell.identity for cell in cells_of(load_benchmark(DRIVEN))}
    written_out = [cell.identity for drive in (0.1, 0.6) for cell in cells_of(load_benchmark(by_hand(drive)))]
    assert identities == set(written_out) and len(identities) == len(written_out)


def test_each_condition_has_the_numbers_of_a_run_of_its_own(driven, tmp_path):
    alone = rnnbench.run(by_hand(0.6), results=tmp_path, workers=1, figures=False).interference
    rows = driven.interference[driven.interference["condition"] == "drive=0.6"]
    pd.testing.assert_frame_equal(
        rows.drop(columns=["condition", "drive"]).reset_index(drop=True), alone.drop(columns="condition")
    )


def test_a_condition_has_a_label_and_a_column_for_what_varies(driven):
    table = driven.interference
    assert list(table.columns) == [*INTERFERENCE.names, "drive"]
    assert {tuple(pair) for pair in table[["condition", "drive"]].drop_duplicates().to_numpy()} == {
        ("drive=0.1", 0.1),
        ("drive=0.6", 0.6),
    }


def test_the_tables_are_read_back_from_their_files(driven):
    loaded = rnnbench.load_results(driven.folder)
    for name in ("interference", "curves", "stages"):
        read, expected = (getattr(r, name).drop(columns="failure", errors="ignore") for r in (loaded, driven))
        pd.testing.assert_frame_equal(read, expected, check_dtype=False)


def test_each_condition_has_a_matrix_of_its_own_in_the_figures(driven):
    names = {path.name for path in (driven.folder / "figures").iterdir()}
    assert {"interference_matrix.png", "interference_against_g.png"} <= names
    assert sum(name.startswith("curves-") and "drive-0-1" in name for name in names) == 1


def test_conditions_are_crossed_and_may_vary_the_channels(tmp_path):
    benchmark = load_benchmark(PLAIN | {"conditions": {"drive": [0, 0.5], "input_correlation": [0.0, 0.9]}})
    assert [c.label for c in benchmark.conditions] == [
        "drive=0, input_correlation=0.0",
        "drive=0, input_correlation=0.9",
        "drive=0.5, input_correlation=0.0",
        "drive=0.5, input_correlation=0.9",
    ]
    assert [s.channels.input_correlation for s in benchmark.settings] == [0.0, 0.9, 0.0, 0.9]
    assert [s.tasks[1].parameters["drive"] for s in benchmark.settings] == [0, 0, 0.5, 0.5]


def test_a_description_with_conditions_is_read_back_unchanged():
    benchmark = load_benchmark(DRIVEN)
    again = type(benchmark).model_validate_json(benchmark.model_dump_json())
    assert again == benchmark
    assert [c.identity for c in cells_of(again)] == [c.identity for c in cells_of(benchmark)]


def test_a_condition_named_like_a_column_of_the_table_does_not_hide_it():
    benchmark = load_benchmark(DRIVEN)
    clashing = benchmark.conditions[0].model_copy(update={"values": {"seed": 7, "drive": 0.1}})
    assert condition_columns(benchmark.model_copy(update={"conditions": (clashing,)})) == ["condition_seed", "drive"]


def test_parameters_that_are_words_may_be_varied(tmp_path):
    changes = {"conditions": {"idle_outputs": ["zero", "free"]}, "protocol": [["A", "B"]], "seeds": 1}
    table = rnnbench.run(PLAIN | changes, results=tmp_path, workers=1, figures=False).interference
    assert set(table["idle_outputs"]) == {"zero", "free"} and np.isfinite(table["interference"]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditions": {"drive": [0.1, 1.4]}}, "conditions (drive=1.4): tasks[0].drive: 1.4 is above 1"),
        ({"conditions": {"drvie": [0.1]}}, "did you mean drive"),
        ({"conditions": {"drive": 0.1}}, 'conditions: {"drive": 0.1} is not a mapping'),
        ({"conditions": {"drive": []}}, "is not a mapping from parameters to lists of values"),
        ({"conditions": {"drive": [0.1, 0.1]}}, "conditions.drive: [0.1, 0.1] lists a value twice"),
        ({"conditions": {"drive": [[0.1]]}}, "conditions.drive: [[0.1]] has a value that is not a number"),
        ({"claims": ["c2"]}, "claims[0]: "),
        ({"tasks": [{**TASK, "label": "A > B"}]}, "tasks[0].label: 'A > B' contains ' > '"),
        ({"conditions": {"label": ["x"]}}, "conditions.label: is not a parameter of tasks or channels"),
        ({"conditions": {"duration": [8.0]}}, "tasks[0].duration: also given outside the conditions"),
        (
            {"conditions": {"input_correlation": [0.5]}, "channels": {"input_correlation": 0.1}},
            "channels.input_correlation: also given outside the conditions",
        ),
        (
            {"conditions": {"input_correlation": [1.5]}},
            "conditions (input_correlation=1.5): channels.input_correlation",
        ),
    ],
)
def test_the_error_for_a_wrong_condition_is_one_line(changes, message):
    with pytest.raises(BenchmarkError) as caught:
        load_benchmark(PLAIN | changes)
    assert message in str(caught.value) and "\n" not in str(caught.value)
