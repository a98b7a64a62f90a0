"""The field's figures for a sequence of tasks, each under the name of those who defined it.

The field uses one word for several things: forgetting is the first accuracy minus the last in one paper, the best ever
minus the last in another; transfer is what a task has before it is learnt, or how fast it is learnt. So every figure
here is a named, versioned function of what is stored, and no figure is called just "forgetting".

R[i, j] is the accuracy on the j-th of T tasks after the i-th was learnt, R[0, j] before any training. AUC_j is the mean
accuracy on task j while it was learnt, over its whole budget of updates; AUC_j^b the same of a network that learns
task j first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sequence:
    """Accuracies of one network along a sequence of T different tasks.

    r       [1 + T, T] as above
    auc     [T] mean accuracy on each task while it was learnt; NaN where it was not followed
    alone   [T] the same of the network that learnt the task first, of the same seed
    """

    r: Floats
    auc: Floats
    alone: Floats

    @property
    def known(self) -> Floats:
        """[T] accuracy on each task just after it was learnt."""
        return np.diagonal(self.r[1:])

    @property
    def last(self) -> Floats:
        """[T] accuracy on each task after the last one."""
        return self.r[-1]


@dataclass(frozen=True)
class Metric:
    """A figure of a sequence.

    version   raised whenever the same accuracies would give another number
    meaning   the formula, in words or symbols
    source    who defined it, and where
    """

    of: Callable[[Sequence], float]
    meaning: str
    source: str
    version: int = 1


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if values.size else math.nan


def _triangle(s: Sequence, offset: int) -> Floats:
    """R[i, j] for j <= i - offset (below the diagonal for 1), stages 1 to T."""
    return s.r[1:][np.tril_indices(len(s.known), -offset)]


def _backward_everywhere(s: Sequence) -> Floats:
    stage, task = np.tril_indices(len(s.known), -1)
    return s.r[1:][stage, task] - s.known[task]


def _best_before_last(s: Sequence) -> Floats:
    """[T - 1] best accuracy on each earlier task after any stage but the last, from the first on."""
    return s.r[1:-1, :-1].max(axis=0) if len(s.known) > 1 else np.empty(0)


def _best_since_learnt(s: Sequence) -> Floats:
    """[T - 1] best accuracy on each earlier task from the stage that taught it on, the last left out."""
    return np.array([s.r[j + 1 : -1, j].max() for j in range(len(s.known) - 1)])


def _gain(s: Sequence) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (s.auc - s.alone) / (1 - s.alone)


METRICS: dict[str, Metric] = {
    "acc_lopez_paz_2017": Metric(
        lambda s: _mean(s.last),
        "average accuracy after the last task: mean_j R[T, j]",
        "Lopez-Paz & Ranzato, NeurIPS 2017, eq. 2",
    ),
    "bwt_lopez_paz_2017": Metric(
        lambda s: _mean((s.last - s.known)[:-1]),
        "backward transfer: mean over j < T of R[T, j] - R[j, j]; below 0: earlier tasks were forgotten",
        "Lopez-Paz & Ranzato, NeurIPS 2017, eq. 3",
    ),
    "fwt_lopez_paz_2017": Metric(
        lambda s: _mean((np.diagonal(s.r[:-1]) - s.r[0])[1:]),
        "forward transfer: mean over j > 1 of R[j-1, j] - R[0, j], what a task has just before it is learnt",
        "Lopez-Paz & Ranzato, NeurIPS 2017, eq. 4",
    ),
    "acc_diaz_rodriguez_2018": Metric(
        lambda s: _mean(_triangle(s, 0)),
        "accuracy over all stages: mean over j <= i of R[i, j]",
        "Diaz-Rodriguez et al., NeurIPS workshop 2018, eq. 1",
    ),
    "bwt_diaz_rodriguez_2018": Metric(
        lambda s: _mean(_backward_everywhere(s)),
        "backward transfer over all stages: mean over j < i of R[i, j] - R[j, j]",
        "Diaz-Rodriguez et al., NeurIPS workshop 2018, eq. 3",
    ),
    "fwt_diaz_rodriguez_2018": Metric(
        lambda s: _mean(s.r[1:][np.triu_indices(len(s.known), 1)]),
        "forward transfer: mean over i < j of R[i, j], i from 1; chance is not taken off",
        "Diaz-Rodriguez et al., NeurIPS workshop 2018, eq. 6",
    ),
    "forgetting_chaudhry_2018": Metric(
        lambda s: _mean(_best_before_last(s) - s.last[:-1]),
        "mean over j < T of max over 1 <= i < T of R[i, j], minus R[T, j]; the last stage is not in the maximum, "
        "stages before the task was learnt are",
        "Chaudhry, Dokania, Ajanthan, Torr, ECCV 2018, eq. 3",
    ),
    "forgetting_since_learnt": Metric(
        lambda s: _mean(_best_since_learnt(s) - s.last[:-1]),
        "as forgetting_chaudhry_2018, with the maximum from the stage that taught the task on: chance before that is "
        "no knowledge that could be lost",
        "rnnbench, after Chaudhry et al. 2018",
    ),
    "forgetting_mammoth": Metric(
        lambda s: _mean(s.r[1:, :-1].max(axis=0) - s.last[:-1]),
        "mean over j < T of max over 1 <= i <= T of R[i, j], minus R[T, j]; the last stage is in the maximum, so it is "
        "never below 0",
        "as computed in the software of Buzzega et al., NeurIPS 2020 (mammoth)",
    ),
    "forgetting_initial_last": Metric(
        lambda s: _mean((s.known - s.last)[:-1]),
        "mean over j < T of R[j, j] - R[T, j]: minus bwt_lopez_paz_2017",
        "e.g. Mirzadeh et al., NeurIPS 2020",
    ),
    "forgetting_wolczyk_2021": Metric(
        lambda s: _mean(s.known - s.last),
        "mean over all j <= T, the last task with its 0 among them, of R[j, j] - R[T, j]",
        "Wolczyk et al., NeurIPS 2021 (Continual World), section 4",
    ),
    "transfer_auc_wolczyk_2021": Metric(
        lambda s: _mean(_gain(s)),
        "forward transfer: mean over all j of (AUC_j - AUC_j^b) / (1 - AUC_j^b), the first task with its 0 among them; "
        "AUC over the budget of updates, what a network has when it stops being held",
        "Wolczyk et al., NeurIPS 2021 (Continual World), section 4",
    ),
}
"""By name. A figure that needs more than one task is NaN for one."""
