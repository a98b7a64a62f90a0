"""The field's standard figures for a sequence of tasks, from the accuracy on every task after every stage.

R[i, j] is the accuracy on the j-th task of a sequence after the i-th was learnt, R[0, j] before any training.

    ACC         average accuracy after the last task         1/T     sum_j R[T, j]
    BWT         backward transfer                            1/(T-1) sum_{j<T} (R[T, j] - R[j, j])
    FWT         forward transfer                             1/(T-1) sum_{j>1} (R[j-1, j] - R[0, j])
    forgetting  from the best that a task was ever known     1/(T-1) sum_{j<T} (max_{j<=i<T} R[i, j] - R[T, j])

Sources: Lopez-Paz & Ranzato, NeurIPS 2017 (ACC, BWT, FWT); Chaudhry et al., ECCV 2018, eq. 3 (forgetting; here the best
is looked for from where the task was learnt, so that it cannot be chance before that).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rnnbench.columns import CONTINUAL_COLUMNS

Floats = npt.NDArray[np.float64]

NETWORK = ["condition", "architecture", "rule", "g", "units", "seed"]


def average_accuracy(r: Floats) -> float:
    """ACC of r [1 + stage, task]."""
    return float(np.mean(r[-1]))


def backward_transfer(r: Floats) -> float:
    """BWT of r [1 + stage, task]; below 0: earlier tasks were forgotten."""
    known = np.diagonal(r[1:])
    return float(np.mean((r[-1] - known)[:-1])) if len(known) > 1 else math.nan


def forward_transfer(r: Floats) -> float:
    """FWT of r [1 + stage, task]; above 0: a task was better than untrained before it was ever learnt."""
    before = np.diagonal(r[:-1])
    return float(np.mean((before - r[0])[1:])) if len(before) > 1 else math.nan


def forgetting(r: Floats) -> float:
    """Forgetting of r [1 + stage, task]; 0: each earlier task is as good as it ever was."""
    lost = [np.max(r[j + 1 : -1, j]) - r[-1, j] for j in range(r.shape[1] - 1)]
    return float(np.mean(lost)) if lost else math.nan


def continual_table(stages: pd.DataFrame) -> pd.DataFrame:
    """A row for each network and each sequence of two or more different tasks that all have an accuracy.

    stages   the table of that name. Sequences in which a task comes twice have no such figures: savings tell of those.
    """
    rows: list[list[Any]] = []
    for names, of_network in stages.groupby(NETWORK, sort=False, dropna=False):
        *place, seed = names
        known = of_network.assign(history=of_network["history"].where(of_network["stage"] > 0, ""))
        accuracy = {(str(row["history"]), str(row["task"])): row["accuracy"] for row in known.to_dict("records")}
        for history in dict.fromkeys(map(str, of_network["history"])):
            tasks = history.split(" > ")
            if len(tasks) > 1 and len(set(tasks)) == len(tasks):
                r = _accuracies(tasks, accuracy)
                if np.isfinite(r).all():
                    rows.append([*place, history, seed, *_figures(r)])
    return pd.DataFrame(rows, columns=list(CONTINUAL_COLUMNS))


def _accuracies(tasks: list[str], accuracy: dict[tuple[str, str], Any]) -> Floats:
    """R [1 + stage, task] from the accuracy by history ("" before any training) and task; NaN where it is missing."""
    beginnings = ["", *(" > ".join(tasks[: k + 1]) for k in range(len(tasks)))]
    return np.array([[accuracy.get((b, task), math.nan) for task in tasks] for b in beginnings], dtype=float)


def _figures(r: Floats) -> list[float]:
    return [average_accuracy(r), backward_transfer(r), forward_transfer(r), forgetting(r)]
