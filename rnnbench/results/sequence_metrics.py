"""Continual-learning metrics of a sequence of tasks, each named after the authors who defined it.

The literature uses one word for several quantities. Forgetting is the accuracy just after learning minus the last one
in one paper, and the best accuracy minus the last one in another. Transfer is the accuracy on a task before it is
learnt, or how fast it is learnt. Therefore every metric here is a named, versioned function of the stored accuracies,
and none is called just "forgetting".

R[i, j] is the accuracy on the j-th of T tasks after the i-th was learnt, and R[0, j] the accuracy before any training.
AUC_j is the mean accuracy on task j while it was learnt, over its whole budget of updates; AUC_j^b is the same for a
network that learns task j first.
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
    """Accuracies (0..1) of one network along a sequence of T different tasks.

    Attributes:
        r: accuracy R[i, j] on task j after stage i, row 0 before any training [1 + T, T].
        auc: mean accuracy on each task while it was learnt [T]; NaN where it was not recorded.
        alone: the same for the network of the same seed that learnt the task first [T].
    """

    r: Floats
    auc: Floats
    alone: Floats

    @property
    def known(self) -> Floats:
        """Accuracy on each task just after it was learnt [T]."""
        return np.diagonal(self.r[1:])

    @property
    def last(self) -> Floats:
        """Accuracy on each task after the last one was learnt [T]."""
        return self.r[-1]


@dataclass(frozen=True)
class Metric:
    """A metric of a sequence.

    Attributes:
        of: computes the metric.
        meaning: the formula, in words or symbols.
        source: the publication that defines it.
        version: raised whenever the same accuracies would give another number.
    """

    of: Callable[[Sequence], float]
    meaning: str
    source: str
    version: int = 1


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if values.size else math.nan


def _triangle(s: Sequence, offset: int) -> Floats:
    """Return R[i, j] for j <= i - offset and stages 1 to T; offset 1 gives the entries below the diagonal."""
    return s.r[1:][np.tril_indices(len(s.known), -offset)]


def _changes_since_learnt(s: Sequence) -> Floats:
    """Return R[i, j] - R[j, j] for all j < i."""
    stage, task = np.tril_indices(len(s.known), -1)
    return s.r[1:][stage, task] - s.known[task]


def _best_before_last(s: Sequence) -> Floats:
    """Return the best accuracy on each task but the last [T - 1], over the stages 1 to T - 1."""
    return s.r[1:-1, :-1].max(axis=0) if len(s.known) > 1 else np.empty(0)


def _best_since_learnt(s: Sequence) -> Floats:
    """Return the best accuracy on each task but the last [T - 1], from its own stage to stage T - 1."""
    return np.array([s.r[j + 1 : -1, j].max() for j in range(len(s.known) - 1)])


def _gain(s: Sequence) -> Floats:
    """Return (AUC_j - AUC_j^b) / (1 - AUC_j^b) for each task [T]; NaN where AUC_j^b is 1, since no gain is possible."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(s.alone < 1, (s.auc - s.alone) / (1 - s.alone), np.nan)


METRICS: dict[str, Metric] = {
    "acc_lopez_paz_2017": Metric(
        lambda s: _mean(s.last),
        "average accuracy after the last task: mean_j R[T, j]",
        "Lopez-Paz & Ranzato, NeurIPS 2017, eq. 2",
    ),
    "bwt_lopez_paz_2017": Metric(
        lambda s: _mean((s.last - s.known)[:-1]),
        "backward transfer: mean over j < T of R[T, j] - R[j, j]; below 0 if earlier tasks were forgotten",
        "Lopez-Paz & Ranzato, NeurIPS 2017, eq. 3",
    ),
    "fwt_lopez_paz_2017": Metric(
        lambda s: _mean((np.diagonal(s.r[:-1]) - s.r[0])[1:]),
        "forward transfer: mean over j > 1 of R[j-1, j] - R[0, j], the accuracy gained on a task before it is learnt",
        "Lopez-Paz & Ranzato, NeurIPS 2017, eq. 4",
    ),
    "acc_diaz_rodriguez_2018": Metric(
        lambda s: _mean(_triangle(s, 0)),
        "accuracy over all stages: mean over j <= i of R[i, j]",
        "Diaz-Rodriguez et al., NeurIPS workshop 2018, eq. 1",
    ),
    "bwt_diaz_rodriguez_2018": Metric(
        lambda s: _mean(_changes_since_learnt(s)),
        "backward transfer over all stages: mean over j < i of R[i, j] - R[j, j]",
        "Diaz-Rodriguez et al., NeurIPS workshop 2018, eq. 3",
    ),
    "fwt_diaz_rodriguez_2018": Metric(
        lambda s: _mean(s.r[1:][np.triu_indices(len(s.known), 1)]),
        "forward transfer: mean over i < j of R[i, j], i from 1; chance level is not subtracted",
        "Diaz-Rodriguez et al., NeurIPS workshop 2018, eq. 6",
    ),
    "forgetting_chaudhry_2018": Metric(
        lambda s: _mean(_best_before_last(s) - s.last[:-1]),
        "mean over j < T of (max over 1 <= i < T of R[i, j]) - R[T, j]; the maximum excludes the last stage and "
        "includes stages before the task was learnt",
        "Chaudhry, Dokania, Ajanthan, Torr, ECCV 2018, eq. 3",
    ),
    "forgetting_since_learnt": Metric(
        lambda s: _mean(_best_since_learnt(s) - s.last[:-1]),
        "mean over j < T of (max over j <= i < T of R[i, j]) - R[T, j]: forgetting_chaudhry_2018 without the stages "
        "before the task was learnt, since accuracy by chance cannot be forgotten",
        "rnnbench, after Chaudhry et al. 2018",
    ),
    "forgetting_mammoth": Metric(
        lambda s: _mean(s.r[1:, :-1].max(axis=0) - s.last[:-1]),
        "mean over j < T of (max over 1 <= i <= T of R[i, j]) - R[T, j]; the maximum includes the last stage, so the "
        "metric is never below 0",
        "as computed in the software of Buzzega et al., NeurIPS 2020 (mammoth)",
    ),
    "forgetting_initial_last": Metric(
        lambda s: _mean((s.known - s.last)[:-1]),
        "mean over j < T of R[j, j] - R[T, j], which is -bwt_lopez_paz_2017",
        "e.g. Mirzadeh et al., NeurIPS 2020",
    ),
    "forgetting_wolczyk_2021": Metric(
        lambda s: _mean(s.known - s.last),
        "mean over all j <= T of R[j, j] - R[T, j]; the last task contributes 0",
        "Wolczyk et al., NeurIPS 2021 (Continual World), section 4",
    ),
    "transfer_auc_wolczyk_2021": Metric(
        lambda s: _mean(_gain(s)),
        "forward transfer: mean over all j of (AUC_j - AUC_j^b) / (1 - AUC_j^b); the first task contributes 0. AUC "
        "covers the whole budget of updates: after a network stops, its last accuracy is used. Empty if AUC_j^b is 1",
        "Wolczyk et al., NeurIPS 2021 (Continual World), section 4",
    ),
}
"""The metrics by name. A metric that needs more than one task is NaN for a sequence of one."""
