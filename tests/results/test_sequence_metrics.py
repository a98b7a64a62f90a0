"""Every metric of a sequence, on numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnbench.results.columns import CONTINUAL, STAGES
from rnnbench.results.sequence_metrics import METRICS, Sequence
from rnnbench.results.table_rows import continual_table

# Three tasks; rows: untrained, after the 1st, 2nd, 3rd task.
R = np.array([[0.5, 0.2, 0.1], [0.9, 0.3, 0.1], [0.7, 0.8, 0.3], [0.6, 0.9, 1.0]])
SEQUENCE = Sequence(R, auc=np.array([0.8, 0.7, 0.9]), alone=np.array([0.8, 0.6, 0.95]))

BY_HAND = {
    "acc_lopez_paz_2017": (0.6 + 0.9 + 1.0) / 3,
    "bwt_lopez_paz_2017": ((0.6 - 0.9) + (0.9 - 0.8)) / 2,
    "fwt_lopez_paz_2017": ((0.3 - 0.2) + (0.3 - 0.1)) / 2,
    "acc_diaz_rodriguez_2018": (0.9 + 0.7 + 0.8 + 0.6 + 0.9 + 1.0) / 6,
    "bwt_diaz_rodriguez_2018": ((0.7 - 0.9) + (0.6 - 0.9) + (0.9 - 0.8)) / 3,
    "fwt_diaz_rodriguez_2018": (0.3 + 0.1 + 0.3) / 3,
    # Task 1 was best after it was learnt (0.9), task 2 at 0.8, before the last task.
    "forgetting_chaudhry_2018": ((0.9 - 0.6) + (0.8 - 0.9)) / 2,
    "forgetting_since_learnt": ((0.9 - 0.6) + (0.8 - 0.9)) / 2,
    "forgetting_mammoth": ((0.9 - 0.6) + (0.9 - 0.9)) / 2,
    "forgetting_initial_last": ((0.9 - 0.6) + (0.8 - 0.9)) / 2,
    "forgetting_wolczyk_2021": ((0.9 - 0.6) + (0.8 - 0.9) + 0) / 3,
    "transfer_auc_wolczyk_2021": (0 + (0.7 - 0.6) / (1 - 0.6) + (0.9 - 0.95) / (1 - 0.95)) / 3,
}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_of_a_sequence_worked_out_by_hand(name):
    assert METRICS[name].of(SEQUENCE) == pytest.approx(BY_HAND[name])
    assert METRICS[name].source and METRICS[name].meaning and METRICS[name].version >= 1


def test_variants_of_forgetting_differ_where_their_definitions_do():
    """One task is partly forgotten and recovers; another has a high accuracy by chance before it is learnt."""
    r = np.array([[0, 0.9, 0], [1, 0.8, 0], [0.4, 0.6, 0], [0.7, 0.5, 1]])
    found = {n: m.of(Sequence(r, np.zeros(3), np.zeros(3))) for n, m in METRICS.items() if n.startswith("forgetting")}
    assert found == pytest.approx(
        {
            "forgetting_chaudhry_2018": ((1 - 0.7) + (0.8 - 0.5))
            / 2,  # the accuracy was 0.8 before the task was learnt
            "forgetting_since_learnt": ((1 - 0.7) + (0.6 - 0.5)) / 2,
            "forgetting_mammoth": ((1 - 0.7) + (0.8 - 0.5)) / 2,
            "forgetting_initial_last": ((1 - 0.7) + (0.6 - 0.5)) / 2,
            "forgetting_wolczyk_2021": ((1 - 0.7) + (0.6 - 0.5) + 0) / 3,
        }
    )


def test_one_task_has_an_accuracy_and_no_transfer():
    alone = Sequence(R[:2, :1], np.ones(1) / 2, np.ones(1) / 2)
    assert METRICS["acc_lopez_paz_2017"].of(alone) == 0.9
    for name in ("bwt_lopez_paz_2017", "fwt_lopez_paz_2017", "bwt_diaz_rodriguez_2018", "fwt_diaz_rodriguez_2018"):
        assert math.isnan(METRICS[name].of(alone))
    for name in (
        "forgetting_chaudhry_2018",
        "forgetting_since_learnt",
        "forgetting_mammoth",
        "forgetting_initial_last",
    ):
        assert math.isnan(METRICS[name].of(alone))


def stages(*histories: str, known: int = 3) -> pd.DataFrame:
    """The rows of each history: its last task before each stage, and all its tasks at the end."""
    rows = []
    for history in histories:
        learnt = history.split(" > ")
        places = [(stage, learnt[-1]) for stage in range(len(learnt))]
        places += [(len(learnt), task) for task in dict.fromkeys(learnt)]
        for stage, task in places:
            known_here = "abc".index(task) < known
            rows.append(
                {"history": history, "task": task, "seed": 0, "g": np.nan, "units": 8, "stage": stage}
                | {"task_learnt": learnt[stage - 1] if stage else ""}
                | {"accuracy": R[stage, "abc".index(task)] if known_here else np.nan}
            )
    return pd.DataFrame(rows, columns=STAGES.names).assign(condition="", architecture="rnn", rule="sgd")


def test_the_table_has_a_row_for_every_sequence_of_at_least_two_tasks():
    table = continual_table(stages("a", "a > b", "a > b > c"))
    assert list(table.columns) == CONTINUAL.names
    assert table["history"].tolist() == ["a > b", "a > b > c"]
    assert table["bwt_lopez_paz_2017"].tolist() == pytest.approx([-0.2, -0.1])
    # These use every element of R, also the accuracies on tasks that are still to come.
    for name in ("acc_diaz_rodriguez_2018", "fwt_diaz_rodriguez_2018", "fwt_lopez_paz_2017", "forgetting_mammoth"):
        assert table[name].iloc[1] == pytest.approx(BY_HAND[name])


def test_areas_are_those_of_the_last_stage_of_each_history():
    """The area of a task within the sequence, and of the same task as the first one."""
    rows = stages("a", "a > b", "a > b > c", "b", "c")
    areas = {"a": 0.8, "a > b": 0.7, "a > b > c": 0.9, "b": 0.6, "c": 0.95}
    own = (rows["stage"] == rows["history"].str.count(">") + 1) & (rows["task"] == rows["history"].str[-1])
    table = continual_table(rows.assign(accuracy_auc=rows["history"].map(areas).where(own)))
    (row,) = table[table["history"] == "a > b > c"].to_dict("records")
    assert row["transfer_auc_wolczyk_2021"] == pytest.approx(BY_HAND["transfer_auc_wolczyk_2021"])


def test_a_repeated_task_or_one_without_an_accuracy_gives_no_row():
    assert continual_table(stages("a", "a > b", "a > b > a"))["history"].tolist() == ["a > b"]
    assert continual_table(stages("a", "a > c", known=2)).empty


def test_the_documentation_describes_every_metric():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    for name, metric in METRICS.items():
        assert f"| `{name}` | {metric.meaning} | {metric.source} |" in page
