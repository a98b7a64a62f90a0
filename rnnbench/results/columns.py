"""The tables of a results folder, each declared once: its file, its columns, what they hold and what they mean.

The writer, the reader, the checks, the page of columns and `Results` all follow from `TABLES`. The values are computed
in `rnnbench.results.tables`; those of `ANALYSIS` in `rnnbench.analysis.stored_pairs`.
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
        kind: what it holds. A truth is True, False or empty; whole numbers and numbers may be empty.
        meaning: one line, with the unit where there is one.
        may_be_missing: of text: an empty field is a missing value instead of an empty text.
    """

    name: str
    kind: Kind
    meaning: str
    may_be_missing: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a results folder.

    Attributes:
        file: its name there; the suffix decides the format, csv or parquet.
        meaning: what a row is.
        columns: in the order of the file.
    """

    file: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """The attribute of `Results` that holds it, e.g. `interference`."""
        return self.file.partition(".")[0]

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return [column.name for column in self.columns]

    def of_kind(self, *kinds: Kind) -> list[str]:
        """The names of its columns of some kinds."""
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
        "what the benchmark varies for all tasks at once, e.g. drive=0.1; empty where it varies nothing. Each "
        "name in it has a column of its own at the end of the table",
    ),
    _text("architecture", "label of the architecture"),
    _text("rule", "label of the learning rule"),
    _number("g", "connectivity strength; empty where the architecture has none"),
    _whole("units", "number of recurrent units N"),
)
_SEED = _whole("seed", "of weights and trials")
_PAIR = (
    *_SETTING,
    _text("earlier_tasks", "tasks learnt before A, in order, joined by ' > '; empty where A was the first"),
    _text("first_task", "label of A, learnt first"),
    _text(
        "second_task",
        "label of B, learnt second; where it is A, more of A for as many updates as A took (drift control)",
    ),
    _SEED,
)

MATRIX = [column.name for column in _PAIR[:6]]
"""Columns that name an interference matrix."""

ENTRY = [column.name for column in _PAIR[:8]]
"""Columns that name an entry of a matrix; its rows are the seeds."""

NETWORK = [column.name for column in _PAIR]
"""Columns that name a network and the last two stages of its history; the same in every table of pairs."""

SETTING = [column.name for column in _SETTING]
"""Columns that name the networks of one kind, in every table."""

INTERFERENCE = Table(
    "interference.csv",
    "A row for each network and ordered pair of tasks: raw losses and accuracies, interference.",
    (
        *_PAIR,
        _text("status", "done, or failed: no result, the reason is in `failure`"),
        _text("failure", "why there is no result", may_be_missing=True),
        _truth("converged_first", "A reached its criterion within the budget"),
        _truth("converged_second", "B reached its criterion within the budget; empty for drift controls"),
        _whole("updates_first", "updates of training on A"),
        _whole("updates_second", "updates of training on B"),
        _number("loss_untrained", "loss on A before any training"),
        _number("loss_first", "loss on A after training on A"),
        _number("loss_after", "loss on A after training on B"),
        _number(
            "interference",
            "(loss_after - loss_first) / (loss_untrained - loss_first); empty where A was not learnt at all. "
            "Idle outputs count where they are trained to zero: if A's input comes to drive B's outputs, it tends to "
            "1 + the ratio of the squared targets of B to those of A",
        ),
        _number("loss_peak", "highest loss on A while B was learnt"),
        _number("interference_peak", "interference at that moment"),
        _number("accuracy_untrained", "accuracy on A before any training, where A defines one"),
        _number("accuracy_first", "accuracy on A after training on A"),
        _number("accuracy_after", "accuracy on A after training on B"),
        _number("interference_accuracy", "interference in error rates (1 - accuracy) instead of losses"),
        _number("own_loss_untrained", "as loss_untrained, over A's own outputs alone: the idle outputs left out"),
        _number("own_loss_first", "as loss_first, over A's own outputs alone"),
        _number("own_loss_after", "as loss_after, over A's own outputs alone"),
        _number("interference_own", "interference in these losses: what A's own outputs lost"),
        _number("second_loss_untrained", "loss on B before any training"),
        _number("second_loss_before", "loss on B after training on A, before its own"),
        _number("second_loss_after", "loss on B after training on B"),
        _whole("second_updates_alone", "updates of training on B as a first task, same seed"),
        _truth("second_converged_alone", "B as a first task reached its criterion within the budget"),
        _number(
            "transfer",
            "updates_second / second_updates_alone, where both reached the criterion; below 1: A helped B",
        ),
        _number(
            "savings",
            "1 - updates_second / updates that B took when it was first learnt in this history, where it was learnt "
            "before and reached the criterion both times; above 0: relearning is quicker",
        ),
    ),
)

CURVES = Table(
    "curves.parquet",
    "Losses on both tasks along the training of the second.",
    (
        *_PAIR,
        _whole("update", "updates of training on B made so far"),
        _number("loss_first", "loss on A"),
        _number("loss_second", "loss on B"),
        _number("accuracy_first", "accuracy on A, where A defines one"),
        _number("accuracy_second", "accuracy on B, where B defines one"),
    ),
)

TRACKED = Table(
    "tracked.parquet",
    "Weights that an architecture tracks along training.",
    (
        *_PAIR,
        _whole("update", "updates of training on B made so far"),
        _text("weight", "name of a small weight that the architecture tracks"),
        _whole("row", "of its matrix, from 0"),
        _whole("column", "of its matrix, from 0"),
        _number("value", "at that update"),
    ),
)

STAGES = Table(
    "stages.csv",
    "A row for each network, stage of its history and task: raw loss and accuracy.",
    (
        *_SETTING,
        _text(
            "history",
            "all tasks that the network learnt up to this stage, in order, joined by ' > '; at stage 0 the first to "
            "come, which the losses do not depend on",
        ),
        _whole("stage", "how many tasks those are; 0: before any training"),
        _text("task_learnt", "the last of them; empty at stage 0"),
        _SEED,
        _text("task", "the task whose loss this row holds"),
        _number("loss", "on that task's held-out trials"),
        _number("own_loss", "the same, over the task's own outputs alone"),
        _number("accuracy", "where the task defines one"),
        _number(
            "accuracy_auc",
            "of the task learnt: mean accuracy along the stage's learning curve (trapezoids between looks) "
            "over the whole budget of updates; after the network has stopped, what it had then; empty on other rows",
        ),
        _whole("updates", "made in this stage"),
        _truth("converged", "the task learnt reached its criterion; empty for drift controls"),
    ),
)

CONTINUAL = Table(
    "continual.csv",
    "A row for each network and history: figures of sequences, each as its authors defined it.",
    (
        *_SETTING,
        _text("history", "the tasks learnt, all different and all with an accuracy, in order, joined by ' > '"),
        _SEED,
        *(_number(name, metric.meaning) for name, metric in METRICS.items()),
    ),
)

TIMING = Table(
    "timing.csv",
    "Seconds that each cell took.",
    (
        *_SETTING,
        _text("history", "all tasks that the network learnt up to this stage, in order, joined by ' > '"),
        _SEED,
        _whole("updates", "made in the last stage"),
        _number(
            "seconds",
            "that the last stage took one worker, looks at the evaluation trials included: processor time on a CPU, "
            "the clock's on a GPU; of networks trained together each has its share. Not reproducible, and never "
            "compared",
        ),
    ),
)

_MODES = (
    _number(
        "mode_index",
        "fraction of the squared output in A's trials after B that is on B's outputs, at the steps that A's "
        "mask counts: 0 formation, 1 rotation; NaN where both have decayed or the tasks share outputs",
    ),
    _number("output_first", "root mean square norm of A's outputs there"),
    _number("output_second", "root mean square norm of B's outputs there; NaN where the tasks share outputs"),
)

MEASURES: dict[str, tuple[Column, ...]] = {
    "modes": _MODES,
    "updates": (
        _number(
            "update_correlation",
            "cos(dW_A, dW_B): dW_A = W after A - W before A, dW_B = W after B - W after A; W_rec, or all "
            "trained weights of an architecture without one",
        ),
        _number("update_correlation_alone", "the same with dW_B of B learnt alone, as a first task"),
        _number("update_norm_first", "Frobenius norm of dW_A"),
        _number("update_norm_second", "Frobenius norm of dW_B"),
        _number("update_rank_first", "effective rank of dW_A: participation ratio of its squared singular values"),
        _number("update_rank_second", "effective rank of dW_B"),
        _number("numerical_rank_first", "singular values of dW_A above 5 % of the largest"),
        _number("numerical_rank_second", "singular values of dW_B above 5 % of the largest"),
        _number(
            "alignment_aa",
            "how strongly dW_B maps the activity in A's trials, as it was after A, on A's readouts (0..1)",
        ),
        _number("alignment_ab", "the same on B's readouts"),
        _number(
            "alignment_ba",
            "how strongly dW_B maps the activity in B's trials, as it is after B, on A's readouts (0..1)",
        ),
        _number("alignment_bb", "the same on B's readouts"),
        _number("participation_ratio_first", "dimension of the activity in A's trials after A"),
        _number("participation_ratio_after", "dimension of the activity in A's trials after B"),
        _number("spectral_abscissa_untrained", "largest real part of W's eigenvalues before training"),
        _number("spectral_abscissa_first", "the same after A"),
        _number("spectral_abscissa_after", "the same after B"),
        *_MODES,
    ),
    "fixed_points": (
        _number(
            "rotation_angle",
            "angle (rad) by which learning B turned the fixed points that A's trials lead to, their mean",
        ),
        _number(
            "fixed_points_found",
            "fraction of A's distinct trials whose end state leads to a fixed point after B",
        ),
        _number("fixed_points_stable", "fraction of those that are stable"),
        _number(
            "stable_points_first",
            "distinct stable fixed points without input that the trials of A and B lead to, after A",
        ),
        _number("stable_points_after", "the same after B"),
    ),
}
"""What each analysis measures on a pair, by the name that a benchmark's `analyses` calls it."""

ORIGIN = (
    _text("failure", "why nothing was measured; such a row is tried again at the next run", may_be_missing=True),
    _text("made_from", "checksum of the weights and of what was measured on them; while it stays, so does the row"),
)
"""The last columns of the analysis table."""


def measured(analyses: Iterable[str]) -> list[str]:
    """The names of what some analyses measure, each once."""
    return list(dict.fromkeys(column.name for analysis in analyses for column in MEASURES[analysis]))


_MEASURED = {column.name: column for columns in MEASURES.values() for column in columns}

ANALYSIS = Table(
    "analysis.csv",
    "A row for each network and pair: what learning B did to the network that knew A.",
    (*_PAIR, *_MEASURED.values(), *ORIGIN),
)
"""A benchmark's own table has the columns of the analyses that it asks for."""

TABLES = (INTERFERENCE, STAGES, CONTINUAL, CURVES, ANALYSIS, TRACKED, TIMING)
"""The tables of a results folder; which of them there are depends on the benchmark."""
