"""Sequences of more than two tasks: what networks have learnt before, and how this appears in the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import rnnbench
from rnnbench.benchmark.cells import cells_of
from rnnbench.errors import BenchmarkError
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.results.store import Store

TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3, "drive": 0.5}
CONTENT = {
    "name": "histories",
    "tasks": [{**TASK, "label": label} for label in "ABC"],
    "architectures": [{"use": "vanilla_rnn", "units": 24, "g": 0.9, "learn": "all"}],
    "rules": [{"use": "gradient_descent", "learning_rate": 5e-3}],
    "seeds": 2,
    "protocol": [["A", "B"], ["C", "A", "B"], ["A", "B", "A"]],
    "training": {
        "batch": 4,
        "max_updates": 300,
        "evaluate_every": 2,
        "evaluation_trials": 8,
        "criterion": {"relative_loss": 0.1},
    },
}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> rnnbench.Results:
    return rnnbench.run(CONTENT, results=tmp_path_factory.mktemp("histories"), workers=1, figures=False)


def test_each_beginning_of_a_sequence_is_one_cell():
    histories = {cell.history for cell in cells_of(load_benchmark(CONTENT))}
    assert histories == {("A",), ("C",), ("A", "B"), ("C", "A"), ("C", "A", "B"), ("A", "B", "A")}


def test_each_pair_of_successive_tasks_is_a_row_that_names_the_earlier_tasks(results):
    table = results.interference
    keys = {(r.earlier_tasks, r.first_task, r.second_task) for r in table.itertuples()}
    assert keys == {("", "A", "B"), ("", "C", "A"), ("C", "A", "B"), ("A", "B", "A")}
    assert len(table) == 2 * len(keys)


def test_losses_of_a_row_are_those_of_its_stages(results):
    stages = results.stages.set_index(["history", "stage", "seed", "task"])
    for row in results.interference.itertuples():
        before = " > ".join(filter(None, [row.earlier_tasks, row.first_task]))
        after = f"{before} > {row.second_task}"
        depth, learnt = after.count(">") + 1, before.split(" > ")
        new = " > ".join(learnt[: learnt.index(row.first_task) + 1])  # the history in which A was learnt first
        # This loss is measured again with the channels of the second task, which changes the last digits.
        first = stages.loc[(before, depth - 1, row.seed, row.first_task), "loss"]
        assert row.loss_first == pytest.approx(first, rel=1e-5)
        assert row.loss_after == stages.loc[(after, depth, row.seed, row.first_task), "loss"]
        assert row.loss_untrained == stages.loc[(new, 0, row.seed, row.first_task), "loss"]
        assert row.second_loss_untrained == stages.loc[(after, 0, row.seed, row.second_task), "loss"]
        assert row.second_loss_before == stages.loc[(after, depth - 1, row.seed, row.second_task), "loss"]
        assert row.second_loss_after == stages.loc[(after, depth, row.seed, row.second_task), "loss"]


def test_the_rows_of_a_history_are_its_last_task_before_each_stage_and_all_its_tasks_at_the_end(results):
    for (history, _), rows in results.stages.groupby(["history", "seed"]):
        tasks = history.split(" > ")
        expected = [(k, tasks[k - 1] if k else "", tasks[-1]) for k in range(len(tasks))]
        expected += [(len(tasks), tasks[-1], task) for task in dict.fromkeys(tasks)]
        found = list(zip(rows["stage"], rows["task_learnt"].fillna(""), rows["task"], strict=True))
        assert sorted(found) == sorted(expected)
        assert (rows["updates"].notna() == (rows["stage"] == len(tasks))).all()
        own = (rows["stage"] == len(tasks)) & (rows["task"] == tasks[-1])
        assert (rows["accuracy_auc"].notna() == own).all()


def test_untrained_losses_do_not_depend_on_what_was_learnt_first(results):
    """They differ by rounding only, because networks with other histories have more or fewer channels."""
    untrained = results.stages[results.stages["stage"] == 0]
    assert set(untrained["history"]) == {"A", "C", "A > B", "C > A", "C > A > B", "A > B > A"}
    by_network = untrained.groupby(["seed", "task"])["loss"]
    np.testing.assert_allclose(by_network.max(), by_network.min(), rtol=1e-5)
    assert by_network.mean().nunique() == 2 * 3


@pytest.mark.parametrize("channels", [{"idle_outputs": "zero"}, {"idle_outputs": "free"}, {"layout": "shared"}])
def test_every_network_is_evaluated_on_the_tasks_of_its_own_history(channels, tmp_path):
    """Also if networks with different histories are trained together."""
    few = CONTENT["training"] | {"max_updates": 4}
    content = CONTENT | {"channels": channels, "training": few, "protocol": [["A", "B"], ["C", "B"], ["B", "A"]]}
    results = rnnbench.run(content, results=tmp_path, workers=1, device="cpu", figures=False)
    store = Store(results.folder)
    for cell in cells_of(results.benchmark):
        record = store.get(cell.identity)
        assert record is not None and record.result.curve is not None
        assert set(record.result.after) == set(record.result.curve.loss) == set(cell.history), cell.history
    assert results.interference[["loss_first", "loss_after", "interference", "loss_peak"]].notna().all(axis=None)


def test_what_was_learnt_before_changes_where_a_task_starts(results):
    table = results.interference.set_index(["earlier_tasks", "first_task", "second_task", "seed"])
    fresh, experienced = table.loc["", "A", "B"], table.loc["C", "A", "B"]
    assert (fresh["loss_first"] != experienced["loss_first"]).all()


def test_savings_compare_relearning_with_the_first_time(results):
    table = results.interference
    again = table[table["earlier_tasks"] == "A"]
    first_time = results.stages.query("history == 'A' and stage == 1 and task == 'A'").set_index("seed")["updates"]
    expected = 1 - again["updates_second"].to_numpy(float) / first_time.loc[again["seed"]].to_numpy(float)
    assert again["converged_second"].all()
    np.testing.assert_allclose(again["savings"], expected)
    assert table.loc[table["earlier_tasks"] != "A", "savings"].isna().all()


def test_a_task_learnt_alone_is_compared_with_only_where_the_sequences_have_it(results):
    table = results.interference
    alone = table["second_updates_alone"].notna()
    assert set(table.loc[alone, "second_task"]) == {"A"}  # no sequence begins with B


def test_results_do_not_depend_on_what_another_description_left_in_the_folder(results, tmp_path):
    rnnbench.run(CONTENT | {"protocol": [["B", "A"]]}, results=tmp_path, workers=1, figures=False)
    again = rnnbench.run(CONTENT, results=tmp_path, workers=1, figures=False)
    pd.testing.assert_frame_equal(again.interference, results.interference)


def test_workers_give_the_same(results, tmp_path):
    pd.testing.assert_frame_equal(
        rnnbench.run(CONTENT, results=tmp_path, workers=2, figures=False).interference, results.interference
    )


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ([["A", "Z"]], "protocol[0][1]: no task is called 'Z'; known are A, B, C"),
        ([["A", "B"], ["A", "B"]], "protocol[1]: is listed twice"),
        ([[]], "protocol[0]"),
        ([], "protocol"),
        ("all", 'protocol: "all"'),
    ],
)
def test_the_error_for_a_wrong_sequence_is_one_line(protocol, message):
    with pytest.raises(BenchmarkError) as caught:
        load_benchmark(CONTENT | {"protocol": protocol})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_standard_figures_are_given_for_sequences_of_different_tasks(results):
    table = results.continual
    assert set(table["history"]) == {"A > B", "C > A", "C > A > B"} and len(table) == 2 * 3
    stages = results.stages.set_index(["history", "seed", "task", "stage"])["accuracy"]
    row = table[(table["history"] == "A > B") & (table["seed"] == 0)].iloc[0]
    assert row["bwt_lopez_paz_2017"] == stages["A > B", 0, "A", 2] - stages["A", 0, "A", 1]
    pd.testing.assert_frame_equal(rnnbench.load_results(results.folder).continual, table, check_dtype=False)


def test_the_mean_accuracy_along_a_stage_is_the_area_under_its_curve_held_to_the_end_of_the_budget(results):
    stages = results.stages
    rows = stages[(stages["history"] == "A > B") & (stages["task"] == "B") & (stages["stage"] == 2)]
    assert len(rows) == 2
    curves = results.curves[(results.curves["first_task"] == "A") & (results.curves["earlier_tasks"] == "")]
    for row in rows.itertuples():
        curve = curves[(curves["seed"] == row.seed) & (curves["second_task"] == "B")]
        # The last value is held until the end of the budget.
        updates = [*curve["update"], 300]
        accuracy = [*curve["accuracy_second"], curve["accuracy_second"].iloc[-1]]
        pieces = [
            (a + b) / 2 * (t - s) for a, b, s, t in zip(accuracy, accuracy[1:], updates, updates[1:], strict=False)
        ]
        assert row.accuracy_auc == pytest.approx(sum(pieces) / 300)
