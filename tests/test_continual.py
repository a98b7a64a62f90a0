"""ACC, BWT, FWT and forgetting on a sequence worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from rnnbench.columns import CONTINUAL_COLUMNS, STAGES_COLUMNS
from rnnbench.continual import average_accuracy, backward_transfer, continual_table, forgetting, forward_transfer

# Three tasks; rows: untrained, after the 1st, 2nd, 3rd task.
R = np.array([[0.5, 0.2, 0.1], [0.9, 0.3, 0.1], [0.7, 0.8, 0.3], [0.6, 0.9, 1.0]])


def test_a_sequence_worked_out_by_hand():
    assert average_accuracy(R) == pytest.approx((0.6 + 0.9 + 1.0) / 3)
    assert backward_transfer(R) == pytest.approx(((0.6 - 0.9) + (0.9 - 0.8)) / 2)
    assert forward_transfer(R) == pytest.approx(((0.3 - 0.2) + (0.3 - 0.1)) / 2)
    # Task 1 was best after it was learnt (0.9), task 2 at 0.8, before the last task.
    assert forgetting(R) == pytest.approx(((0.9 - 0.6) + (0.8 - 0.9)) / 2)


def test_one_task_has_an_accuracy_and_no_transfer():
    alone = R[:2, :1]
    assert average_accuracy(alone) == 0.9
    assert all(math.isnan(f(alone)) for f in (backward_transfer, forward_transfer, forgetting))


def stages(*histories: str, known: int = 3) -> pd.DataFrame:
    rows = []
    for history in histories:
        learnt = history.split(" > ")
        for place, task in enumerate("abc"[:known]):
            own = {"history": history, "task": task, "seed": 0, "g": np.nan, "units": 8}
            rows.append(own | {"stage": len(learnt), "accuracy": R[len(learnt), place]})
            if len(learnt) == 1:
                rows.append(own | {"stage": 0, "accuracy": R[0, place]})
    return pd.DataFrame(rows, columns=list(STAGES_COLUMNS)).assign(condition="", architecture="rnn", rule="sgd")


def test_the_table_has_a_row_for_every_sequence_and_its_beginnings_of_two():
    table = continual_table(stages("a", "a > b", "a > b > c"))
    assert list(table.columns) == list(CONTINUAL_COLUMNS)
    assert table["history"].tolist() == ["a > b", "a > b > c"]
    assert table.loc[1, "BWT"] == pytest.approx(-0.1) and table.loc[0, "BWT"] == pytest.approx(-0.2)


def test_a_task_that_comes_twice_or_has_no_accuracy_gives_no_row():
    assert continual_table(stages("a", "a > b", "a > b > a"))["history"].tolist() == ["a > b"]
    assert continual_table(stages("a", "a > c", known=2)).empty
