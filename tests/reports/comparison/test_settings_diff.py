"""Differences between two benchmark descriptions, and the matrix entries that remain comparable."""

from __future__ import annotations

import itertools
import math

import pandas as pd
import pytest

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, Channels, Condition, RuleSpec
from rnnbench.reports.comparison.labs import Lab, lab_names, version_differences
from rnnbench.reports.comparison.matching import comparable, descriptions, key_of, row_keys, values_of
from rnnbench.reports.comparison.settings_diff import Difference, benchmark_differences
from rnnbench.results.networks import names_of_pair
from rnnbench.results.reading import Results


def net(**parameters) -> ArchitectureSpec:
    return ArchitectureSpec(label="simulated", plugin="net@1", parameters={"units": 1, "g": 1.0, **parameters})


def with_all_channels(benchmark: Benchmark) -> Benchmark:
    """Return the benchmark with networks that have the channels of all its tasks."""
    return benchmark.model_copy(update={"channels": Channels(idle_outputs="zero")})


def test_settings_that_change_no_number_are_not_a_difference(base, benchmark_of):
    other = benchmark_of(
        3, (5, 6, 7), name="another", description="words", analyses=("modes",), claims=("C1",), rules=base.rules
    )
    assert benchmark_differences([base, other]) == []
    assert len(comparable(["a", "b"], [base, other])[0]) == 9


def test_labels_of_rules_change_no_number_but_identify_entries(base, benchmark_of):
    renamed = benchmark_of(3, (0,), rules=(base.rules[0].model_copy(update={"label": "mine"}),))
    common, left_out = comparable(["a", "b"], [base, renamed])
    assert common == [] and [one.reason for one in left_out] == ["only in a", "only in b"]


def test_a_parameter_is_reported_by_its_path_with_the_value_of_every_lab(base, benchmark_of):
    other = benchmark_of(
        3, (0,), rules=(RuleSpec(label="simulated", plugin="rule@1", parameters={"learning_rate": 2}),)
    )
    path = "rules[simulated].parameters.learning_rate"
    assert benchmark_differences([base, other, base]) == [Difference(path, ("0.1", "2", "0.1"))]


def test_an_architecture_that_a_lab_does_not_have_is_one_difference(base, benchmark_of):
    both = benchmark_of(3, (0,), architectures=(net(), net(g=2.0)))
    assert benchmark_differences([base, both]) == [
        Difference("architectures[simulated, g = 2.0, N = 1]", ("–", "present"))
    ]


def test_the_order_of_tasks_is_a_setting_of_every_entry_if_networks_have_the_channels_of_all_tasks(base):
    base = with_all_channels(base)
    turned = base.model_copy(update={"tasks": base.tasks[::-1]})
    assert [one.path for one in benchmark_differences([base, turned])] == ["tasks (order)"]
    _, left_out = comparable(["a", "b"], [base, turned])
    assert len(left_out) == 1 and left_out[0].reason.startswith("tasks (order)") and len(left_out[0].entries) == 9


def test_the_order_of_tasks_is_no_setting_of_an_entry_if_its_networks_have_the_channels_of_its_tasks(base):
    turned = base.model_copy(update={"tasks": base.tasks[::-1]})
    common, left_out = comparable(["a", "b"], [base, turned])
    assert len(common) == 9 and left_out == []


def test_only_the_entries_that_learn_a_task_are_left_out_if_its_settings_differ(base):
    changes = {
        "training.max_updates: 2000 / 7": {
            "training": base.tasks[2].training.model_copy(update={"max_updates": 7}),
        },
        "tasks[task 2].parameters.drive: 0.1 / 0.2": {"parameters": {"drive": 0.2}},
    }
    for reason, update in changes.items():
        other = base.model_copy(update={"tasks": (*base.tasks[:2], base.tasks[2].model_copy(update=update))})
        common, left_out = comparable(["a", "b"], [base, other])
        assert len(common) == 4 and "task 2" not in {task for key in common for task in key[-2:]}
        assert [one.reason for one in left_out] == [reason] and len(left_out[0].entries) == 5


def test_only_the_entries_that_a_setting_affects_are_left_out(base):
    """With all channels: a criterion affects the entries that learn the task, its parameters every entry."""
    base = with_all_channels(base)
    tasks = list(base.tasks)
    tasks[2] = tasks[2].model_copy(update={"training": tasks[2].training.model_copy(update={"max_updates": 7})})
    common, left_out = comparable(["a", "b"], [base, base.model_copy(update={"tasks": tuple(tasks)})])
    assert len(common) == 4 and "task 2" not in {task for key in common for task in key[-2:]}
    assert [one.reason for one in left_out] == ["training.max_updates: 2000 / 7"]
    tasks = list(base.tasks)
    tasks[2] = tasks[2].model_copy(update={"parameters": {"drive": 0.2}})
    common, left_out = comparable(["a", "b"], [base, base.model_copy(update={"tasks": tuple(tasks)})])
    assert common == [] and [one.reason for one in left_out] == ["tasks[task 2].parameters.drive: 0.1 / 0.2"]
    assert len(comparable(["a", "b"], [base, base.model_copy(update={"tasks": tuple(tasks)})], by_label=True)[0]) == 9


def test_comparable_means_equal_identities_at_any_seed(base, benchmark_of):
    """Compared with the identity that the store uses: the SHA-256 of everything that determines a cell's numbers."""
    other = benchmark_of(3, (0, 1), architectures=(net(), net(g=2.0)))
    common, _ = comparable(["a", "b"], [base, other])
    for seed in (0, 1):
        ids = [{key_of(cell): cell.identity for cell in all_cells(benchmark, seed)} for benchmark in (base, other)]
        assert {key for key in ids[0].keys() & ids[1].keys() if ids[0][key] == ids[1][key]} == set(common)


def all_cells(benchmark, seed):
    for setting in benchmark.settings:
        for architecture, history in itertools.product(setting.architectures, setting.histories):
            yield Cell(setting, architecture, setting.rules[0], seed, history)


def test_keys_are_those_of_the_tables(base, benchmark_of):
    """With conditions and longer sequences, as the tables are written and as pandas reads them."""
    condition = Condition(values={"drive": 0.1}, tasks=base.tasks, channels=Channels())
    long = benchmark_of(
        3, (0,), conditions=(condition,), protocol=(("task 0", "task 1", "task 2"), ("task 1", "task 0"))
    )
    cells = [c for c in all_cells(long, 0) for c in (c, c.parent) if c is not None and len(c.history) > 1]
    table = pd.DataFrame([names_of_pair(cell) for cell in cells])
    assert set(row_keys(table)) == set(descriptions(long)) and len(set(row_keys(table))) == 3


def test_the_key_of_an_architecture_without_g_equals_itself(benchmark_of):
    bare = ArchitectureSpec(label="simulated", plugin="net@1", parameters={"units": 4})
    one, two = (benchmark_of(3, (0,), architectures=(bare,)) for _ in range(2))
    assert len(comparable(["a", "b"], [one, two])[0]) == 9
    keys = list(descriptions(one))
    rows = [dict(zip(keys[0]._fields, key, strict=True)) | {"g": math.nan, "seed": 3} for key in keys]
    table = pd.DataFrame(rows).assign(status="done", converged_first=True, interference=range(9))
    assert values_of(table, keys).to_numpy().tolist() == [list(range(9))]
    assert values_of(table, keys).index.tolist() == [3]


def test_labs_are_named_by_the_shortest_distinct_path_ends(tmp_path):
    assert lab_names([tmp_path / "x" / "neuro", tmp_path / "y" / "smoke"]) == ["neuro", "smoke"]
    assert lab_names([tmp_path / "x" / "neuro", tmp_path / "y" / "neuro"]) == ["x/neuro", "y/neuro"]
    assert lab_names([tmp_path / "neuro", tmp_path / "neuro"]) == ["neuro (1)", "neuro (2)"]


def test_versions_and_machines_are_compared_and_the_time_is_not(base, tmp_path):
    results = Results(tmp_path, base, {})
    made = [{"time": str(k), "torch": f"2.{k}", "machine": {"cores": 2}, "plugins": {"p": "1"}} for k in (6, 7)]
    labs = [Lab("a", results, made[0]), Lab("b", results, made[1]), Lab("c", results)]
    assert version_differences(labs[:2]) == [Difference("torch", ("2.6", "2.7"))]
    assert [one.values[2] for one in version_differences(labs)] == ["–"] * 3


@pytest.mark.parametrize("n", [2, 3])
def test_reasons_name_the_labs_that_have_an_entry(base, benchmark_of, n):
    labs = [base] + [benchmark_of(2, (0,), tasks=base.tasks[:2])] * (n - 1)
    _, left_out = comparable(list("abc")[:n], labs)
    assert "only in a" in [one.reason for one in left_out]
