"""Declarations of the tables of a results folder: the file of each table, and its columns with type and meaning.

The writer, the reader, the checks, the page of columns and `Results` all use `TABLES`. The values are computed in
`rnnbench.results.table_rows`, and those of `ANALYSIS` in `rnnbench.analysis.stored_pairs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rnnbench.results.sequence_metrics import METRICS

Kind = Literal["text", "truth", "whole number", "number"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: name of the column.
        kind: type of the values. A truth is True, False or empty; whole numbers and numbers may be empty.
        meaning: one line, with the unit if there is one.
        may_be_missing: for text: an empty field is a missing value instead of an empty text.
    """

    name: str
    kind: Kind
    meaning: str
    may_be_missing: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a results folder.

    Attributes:
        file: name of the file; the suffix decides the format, csv or parquet.
        meaning: what a row describes.
        columns: in the order of the file.
        finite: whether its numbers are finite. Weights, and what is measured on them, may have become infinite.
    """

    file: str
    meaning: str
    columns: tuple[Column, ...]
    finite: bool = True

    @property
    def name(self) -> str:
        """Name of the attribute of `Results` that holds the table, e.g. `interference`."""
        return self.file.partition(".")[0]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def of_kind(self, *kinds: Kind) -> list[str]:
        """Return the names of the columns of the given kinds."""
        return [column.name for column in self.columns if column.kind in kinds]


def _text(name: str, meaning: str, may_be_missing: bool = False) -> Column:
    return Column(name, "text", meaning, may_be_missing)


def _truth(name: str, meaning: str) -> Column:
    return Column(name, "truth", meaning)


def _whole(name: str, meaning: str) -> Column:
    return Column(name, "whole number", meaning)


def _number(name: str, meaning: str) -> Column:
    return Column(name, "number", meaning)


_SETTING = (
    _text(
        "condition",
        "values that the benchmark varies for all tasks at once, e.g. drive=0.1; empty if it varies none. In "
        "interference.csv and analysis.csv each varied parameter also has a column of its own, after the others",
    ),
    _text("architecture", "label of the architecture"),
    _text("rule", "label of the learning rule"),
    _number("g", "connectivity strength; empty if the architecture has none"),
    _whole("units", "number of recurrent units N"),
)
_SEED = _whole("seed", "seed of the weights and the trials")
_PAIR = (
    *_SETTING,
    _text("earlier_tasks", "tasks learnt before A, in order, joined by ' > '; empty if A was the first task"),
    _text("first_task", "label of A, the task learnt first"),
    _text(
        "second_task",
        "label of B, the task learnt second; if B is A, the row is a drift control: training on A continues for as "
        "many updates as learning A took",
    ),
    _SEED,
)

MATRIX = [column.name for column in _PAIR[:6]]
"""Columns that name an interference matrix."""

ENTRY = [column.name for column in _PAIR[:8]]
"""Columns that name an entry of the matrix, an ordered pair of tasks; an entry has one row for each seed."""

NETWORK = [column.name for column in _PAIR]
"""Columns that name a network and the last two stages of its history, the same in every table of pairs."""

SETTING = [column.name for column in _SETTING]
"""Columns that name the networks of one kind (condition, architecture and rule), the same in every table."""

INTERFERENCE = Table(
    "interference.csv",
    "One row for each network and ordered pair of tasks (A, B): losses, accuracies and interference.",
    (
        *_PAIR,
        _text("status", "done, or failed if there is no result"),
        _text("failure", "why there is no result", may_be_missing=True),
        _truth("converged_first", "whether training on A met its criterion within the budget of updates"),
        _truth(
            "converged_second",
            "whether training on B met its criterion within the budget of updates; empty for drift controls",
        ),
        _whole("updates_first", "number of updates in the training on A"),
        _whole("updates_second", "number of updates in the training on B"),
        _number("loss_untrained", "loss on A before any training"),
        _number("loss_first", "loss on A after training on A"),
        _number("loss_after", "loss on A after training on B"),
        _number(
            "interference",
            "(loss_after - loss_first) / (loss_untrained - loss_first): the fraction of what was learnt of A that is "
            "lost after training on B; empty if training on A did not lower the loss. The losses include idle outputs "
            "if these are trained to zero: if A's input comes to drive B's outputs, interference approaches 1 + the "
            "ratio of the squared targets of B to those of A",
        ),
        _number("loss_peak", "highest loss on A during the training on B"),
        _number("interference_peak", "interference computed with loss_peak in place of loss_after"),
        _number("accuracy_untrained", "accuracy (0..1) on A before any training; empty if A defines none"),
        _number("accuracy_first", "accuracy (0..1) on A after training on A; empty if A defines none"),
        _number("accuracy_after", "accuracy (0..1) on A after training on B; empty if A defines none"),
        _number("interference_accuracy", "interference computed with error rates (1 - accuracy) in place of losses"),
        _number("own_loss_untrained", "loss over A's own outputs only, without the idle outputs, before any training"),
        _number("own_loss_first", "loss over A's own outputs only, after training on A"),
        _number("own_loss_after", "loss over A's own outputs only, after training on B"),
        _number("interference_own", "interference computed with the losses over A's own outputs"),
        _number("second_loss_untrained", "loss on B before any training"),
        _number("second_loss_before", "loss on B after training on A, before training on B"),
        _number("second_loss_after", "loss on B after training on B"),
        _whole(
            "second_updates_alone",
            "number of updates in the training on B of the network of the same seed that learns B first",
        ),
        _truth("second_converged_alone", "whether that network met the criterion on B within the budget of updates"),
        _number(
            "transfer",
            "updates_second / second_updates_alone; below 1 if learning A first helped. Empty unless both met the "
            "criterion on B",
        ),
        _number(
            "savings",
            "1 - updates_second / number of updates when this network first learnt B; above 0 if relearning is "
            "faster. Empty unless B was learnt earlier in the history and met its criterion both times",
        ),
    ),
)

CURVES = Table(
    "curves.parquet",
    "Learning curves: one row for each network, pair of tasks (A, B) and evaluation during the training on B.",
    (
        *_PAIR,
        _whole("update", "number of updates of the training on B before this evaluation"),
        _number("loss_first", "loss on A"),
        _number("loss_second", "loss on B"),
        _number("accuracy_first", "accuracy (0..1) on A; empty if A defines none"),
        _number("accuracy_second", "accuracy (0..1) on B; empty if B defines none"),
    ),
)

TRACKED = Table(
    "tracked.parquet",
    "Weights that the architecture tracks: one row for each of their elements and each evaluation of training on B.",
    (
        *_PAIR,
        _whole("update", "number of updates of the training on B before this evaluation"),
        _text("weight", "name of the tracked weight"),
        _whole("row", "row of the element in the matrix of weights, from 0"),
        _whole("column", "column of the element in the matrix of weights, from 0"),
        _number("value", "value of the element"),
    ),
    finite=False,
)

STAGES = Table(
    "stages.csv",
    "One row for each network, stage of its history and task: loss and accuracy after the stage.",
    (
        *_SETTING,
        _text(
            "history",
            "the tasks of the network, in order, joined by ' > '. The last one may be still to come (see stage)",
        ),
        _whole(
            "stage",
            "number of tasks of the history that have been learnt; 0 is before any training. If it is less than all of "
            "them, the row is about the last task of the history, which is not learnt yet",
        ),
        _text("task_learnt", "the task learnt in this stage; empty at stage 0"),
        _SEED,
        _text("task", "the task that is evaluated"),
        _number("loss", "loss on the held-out trials of the task"),
        _number("own_loss", "loss on the held-out trials over the task's own outputs only"),
        _number("accuracy", "accuracy (0..1) on the held-out trials; empty if the task defines none"),
        _number(
            "accuracy_auc",
            "mean accuracy (0..1) over the whole budget of updates in this stage: trapezoids between evaluations, and "
            "the last accuracy after training has ended. Empty unless the row's task is task_learnt",
        ),
        _whole("updates", "number of updates in this stage; empty if the task of the row is still to come"),
        _truth(
            "converged",
            "whether the training in this stage met the criterion; empty if the task of the row is still to come, and "
            "for drift controls",
        ),
    ),
)

CONTINUAL = Table(
    "continual.csv",
    "One row for each network and sequence of tasks: continual-learning metrics as their authors defined them. R[i, j] "
    "is the accuracy on the j-th of T tasks after the i-th was learnt, R[0, j] before any training.",
    (
        *_SETTING,
        _text("history", "the tasks learnt, in order, joined by ' > '; all are different and have an accuracy"),
        _SEED,
        *(_number(name, metric.meaning) for name, metric in METRICS.items()),
    ),
)

TIMING = Table(
    "timing.csv",
    "One row for each cell (one network after one stage of its history): the computing time.",
    (
        *_SETTING,
        _text("history", "all tasks learnt up to and including this stage, in order, joined by ' > '"),
        _SEED,
        _whole("updates", "number of updates in the last stage"),
        _number(
            "seconds",
            "time that one worker spent on the last stage, including evaluations: processor time on a CPU, elapsed "
            "time on a GPU. Networks that are trained together share their time equally. The value is not reproducible "
            "and is never compared",
        ),
    ),
)

_MODES = (
    _number(
        "mode_index",
        "fraction of the squared output in A's trials after B that is on B's outputs, over the steps that count in A's "
        "mask: 0 is formation, 1 is rotation. Empty if the outputs have decayed or the tasks share outputs",
    ),
    _number("output_first", "root mean square norm of A's outputs in A's trials after B, over the same steps"),
    _number(
        "output_second",
        "root mean square norm of B's outputs in A's trials after B, over the same steps; empty if the tasks share "
        "outputs",
    ),
)

MEASURES: dict[str, tuple[Column, ...]] = {
    "modes": _MODES,
    "updates": (
        _number(
            "update_correlation",
            "cos(dW_A, dW_B), where dW_A = W after A - W before A and dW_B = W after B - W after A; W is W_rec, or all "
            "trained weights if the architecture declares no connectivity",
        ),
        _number(
            "update_correlation_alone",
            "cos(dW_A, dW_B) with the dW_B of the network of the same seed that learns B first; empty if tasks were "
            "learnt before A or B is A",
        ),
        _number("update_norm_first", "Frobenius norm of dW_A"),
        _number("update_norm_second", "Frobenius norm of dW_B"),
        _number("update_rank_first", "effective rank of dW_A: participation ratio of its squared singular values"),
        _number("update_rank_second", "effective rank of dW_B: participation ratio of its squared singular values"),
        _number("numerical_rank_first", "number of singular values of dW_A above 5 % of the largest"),
        _number("numerical_rank_second", "number of singular values of dW_B above 5 % of the largest"),
        _number(
            "alignment_aa",
            "how strongly dW_B maps the activity in A's trials, as it was after A, onto A's readouts (0..1)",
        ),
        _number(
            "alignment_ab",
            "how strongly dW_B maps the activity in A's trials, as it was after A, onto B's readouts (0..1)",
        ),
        _number(
            "alignment_ba",
            "how strongly dW_B maps the activity in B's trials, as it is after B, onto A's readouts (0..1)",
        ),
        _number(
            "alignment_bb",
            "how strongly dW_B maps the activity in B's trials, as it is after B, onto B's readouts (0..1)",
        ),
        _number("participation_ratio_first", "dimension (participation ratio) of the activity in A's trials after A"),
        _number("participation_ratio_after", "dimension (participation ratio) of the activity in A's trials after B"),
        _number("spectral_abscissa_untrained", "largest real part of the eigenvalues of W_rec before training on A"),
        _number("spectral_abscissa_first", "largest real part of the eigenvalues of W_rec after A"),
        _number("spectral_abscissa_after", "largest real part of the eigenvalues of W_rec after B"),
        *_MODES,
    ),
    "fixed_points": (
        _number(
            "rotation_angle",
            "angle (rad) between the fixed points that a trial of A leads to after A and after B; mean over trials",
        ),
        _number(
            "fixed_points_found",
            "fraction of A's distinct trials whose end state leads to a fixed point after B",
        ),
        _number("fixed_points_stable", "fraction of these fixed points that are stable"),
        _number(
            "stable_points_first",
            "number of distinct stable fixed points without input that the trials of A and B lead to, after A",
        ),
        _number(
            "stable_points_after",
            "number of distinct stable fixed points without input that the trials of A and B lead to, after B",
        ),
    ),
}
"""The columns that each analysis measures on a pair, by the name of the analysis in a benchmark's `analyses`."""

ORIGIN = (
    _text("failure", "why nothing was measured; the next run tries again", may_be_missing=True),
    _text(
        "made_from",
        "checksum of the weights and of the analyses that measured them; the row is kept while it does not change",
    ),
)
"""The last columns of the analysis table."""


def measured(analyses: Iterable[str]) -> list[str]:
    """Return the names of the columns that some analyses measure, each once.

    Args:
        analyses: names of analyses, keys of MEASURES.
    """
    return list(dict.fromkeys(column.name for analysis in analyses for column in MEASURES[analysis]))


_MEASURED = {column.name: column for columns in MEASURES.values() for column in columns}

ANALYSIS = Table(
    "analysis.csv",
    "One row for each network and ordered pair of tasks (A, B): what learning B changed in the network that had "
    "learnt A.",
    (*_PAIR, *_MEASURED.values(), *ORIGIN),
    finite=False,
)
"""All columns that there can be; the file has those of the analyses that the benchmark asks for."""

TABLES = (INTERFERENCE, STAGES, CONTINUAL, CURVES, ANALYSIS, TRACKED, TIMING)
"""The tables of a results folder; it depends on the benchmark which of them exist."""
