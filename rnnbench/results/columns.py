"""Declarations of the tables of a results folder: the file of each table, and its columns with type and meaning.

The writer, the reader, the checks, the page of columns and `Results` all use `TABLES`. The values are computed in
`rnnbench.results.table_rows`, and those of `ANALYSIS` in `rnnbench.analysis.stored_pairs`.
"""

from __future__ import annotations

from rnnbench.results.analysis_columns import MEASURES, ORIGIN
from rnnbench.results.column import Table, number, text, truth, whole
from rnnbench.results.sequence_metrics import METRICS

_SETTING = (
    text(
        "condition",
        "values that the benchmark varies for all tasks at once, e.g. drive=0.1; empty if it varies none. In "
        "interference.csv and analysis.csv each varied parameter also has a column of its own, after the others",
    ),
    text("architecture", "label of the architecture"),
    text("rule", "label of the learning rule"),
    number("g", "connectivity strength; empty if the architecture has none"),
    whole("units", "number of recurrent units N"),
)
_SEED = whole("seed", "seed of the weights and the trials")
_PAIR = (
    *_SETTING,
    text("earlier_tasks", "tasks learnt before A, in order, joined by ' > '; empty if A was the first task"),
    text("first_task", "label of A, the task learnt first"),
    text(
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
        text(
            "idle_outputs",
            "what happened to outputs that the task being learnt does not use: free (they did not count), or zero "
            "(they were trained to zero)",
        ),
        text("status", "done, or failed if there is no result"),
        text("failure", "why there is no result", may_be_missing=True),
        truth("converged_first", "whether training on A met its criterion within the budget of updates"),
        truth(
            "converged_second",
            "whether training on B met its criterion within the budget of updates; empty for drift controls",
        ),
        whole("updates_first", "number of updates in the training on A"),
        whole("updates_second", "number of updates in the training on B"),
        number("loss_untrained", "loss on A before any training"),
        number("loss_first", "loss on A after training on A"),
        number("loss_after", "loss on A after training on B"),
        number(
            "interference",
            "(loss_after - loss_first) / (loss_untrained - loss_first): the fraction of what was learnt of A that is "
            "lost after training on B; empty if training on A did not lower the loss. The losses include idle outputs "
            "if these are trained to zero: if A's input comes to drive B's outputs, interference approaches 1 + the "
            "ratio of the squared targets of B to those of A",
        ),
        number("loss_peak", "highest loss on A during the training on B"),
        number("interference_peak", "interference computed with loss_peak in place of loss_after"),
        number(
            "skill_lost",
            "(log loss_after - log loss_first) / (log loss_untrained - log loss_first), cut off at 0 and 1: the part "
            "of "
            "what was learnt of A that is lost, on a logarithmic scale",
        ),
        number(
            "interference_half",
            "interference when B's loss had fallen to a half of second_loss_untrained, by log-linear interpolation "
            "between "
            "evaluations; empty if it did not fall so far",
        ),
        number("updates_half", "number of updates of the training on B at that moment"),
        number("interference_tenth", "interference when B's loss had fallen to a tenth of second_loss_untrained"),
        number("updates_tenth", "number of updates of the training on B at that moment"),
        number("accuracy_untrained", "accuracy (0..1) on A before any training; empty if A defines none"),
        number("accuracy_first", "accuracy (0..1) on A after training on A; empty if A defines none"),
        number("accuracy_after", "accuracy (0..1) on A after training on B; empty if A defines none"),
        number("interference_accuracy", "interference computed with error rates (1 - accuracy) in place of losses"),
        number("accuracy_lost", "accuracy_first - accuracy_after, from -1 to 1; empty if A defines none"),
        number("own_loss_untrained", "loss over A's own outputs only, without the idle outputs, before any training"),
        number("own_loss_first", "loss over A's own outputs only, after training on A"),
        number("own_loss_after", "loss over A's own outputs only, after training on B"),
        number("interference_own", "interference computed with the losses over A's own outputs"),
        number("second_loss_untrained", "loss on B before any training"),
        number("second_loss_before", "loss on B after training on A, before training on B"),
        number("second_loss_after", "loss on B after training on B"),
        whole(
            "second_updates_alone",
            "number of updates in the training on B of the network of the same seed that learns B first",
        ),
        truth("second_converged_alone", "whether that network met the criterion on B within the budget of updates"),
        number(
            "transfer",
            "updates_second / second_updates_alone; below 1 if learning A first helped. Empty unless both met the "
            "criterion on B. If vectors are orthogonal, those of B alone are not quite those of B after A, which are "
            "orthogonal to A's; both are drawn alike, so that transfer is not biased by it",
        ),
        number(
            "savings",
            "1 - updates_second / number of updates when this network first learnt B; above 0 if relearning is "
            "faster. Empty unless B was learnt earlier in the history and met its criterion both times",
        ),
    ),
)

_COMPARED = (
    text("condition", "values of the conditions without those that are compared"),
    text("architecture", "label of the architecture; empty if architectures are compared"),
    text("rule", "label of the learning rule; empty if rules are compared"),
    number(
        "g",
        "connectivity strength; empty if values of g are compared, if there is none, or if compared architectures "
        "differ in it",
    ),
    whole("units", "number of recurrent units N; empty if sizes, or architectures of different sizes, are compared"),
    text("earlier_tasks", "tasks learnt before A, in order, joined by ' > '"),
    text("across", "the column of interference.csv whose values are compared"),
    text("left_out", "values that are left out because fewer than half of the networks count"),
    text(
        "moment",
        "criterion: when B met its criterion, or its budget was spent; updates: after equal numbers of updates, for "
        "each pair and seed the smallest over the compared values; half, tenth: when B's loss had fallen to this part"
        " of its untrained loss, by log-linear interpolation between evaluations",
    ),
    text("quantity", "interference, skill_lost or accuracy_lost, as in interference.csv"),
)
_OVER = (
    whole("n_pairs", "number of ordered pairs of different tasks with networks that count at all compared values"),
    whole("of_pairs", "number of ordered pairs of different tasks in the benchmark"),
    whole("n_networks", "number of pairs and seeds that count at all compared values"),
    whole("of_networks", "number of pairs and seeds in the benchmark"),
)
_INTERVALS = (
    number("low", "lower end of the 95 % interval over seeds; empty with fewer than 5 seeds"),
    number("high", "upper end of the 95 % interval over seeds"),
    number(
        "low_tasks",
        "lower end of the 95 % interval over tasks (rows and columns together); empty with fewer than 5 tasks",
    ),
    number("high_tasks", "upper end of the 95 % interval over tasks"),
)

COMPARISONS = Table(
    "comparisons.csv",
    "One row for each value of what is compared (g, drive, size, rule, architecture), moment of the training on B and "
    "quantity: means over the same pairs and seeds. Rules and architectures are each compared with the first one; an "
    "architecture that is run at a single g or size is compared even if the first one is run at another.",
    (
        *_COMPARED,
        text("value", "the value"),
        number("mean", "mean over pairs and seeds"),
        number("median", "median over pairs and seeds"),
        *_INTERVALS,
        *_OVER,
    ),
)

TRENDS = Table(
    "trends.csv",
    "One row for each comparison of numbers (g, drive, size), moment and quantity: how the quantity changes along all"
    " values.",
    (
        *_COMPARED,
        number("first", "the smallest value"),
        number("last", "the largest value"),
        number(
            "change",
            "change from the first to the last value of a least-squares line over the ranks of all values; mean over "
            "pairs and seeds",
        ),
        *_INTERVALS,
        whole("n_falling", "number of pairs whose change is below 0"),
        number("smallest_at", "the value at which the mean is smallest"),
        number("largest_at", "the value at which the mean is largest"),
        *_OVER,
    ),
)

DECOMPOSITION = Table(
    "decomposition.csv",
    "One row for each matrix, quantity and term: I(A, B) = mean + row(A) + column(B) + pair(A, B), and the share of "
    "the "
    "variance between single networks that each has.",
    (
        *_PAIR[:6],
        text("quantity", "interference or skill_lost, as in interference.csv"),
        text(
            "term",
            "mean; A, B, pair, seeds: share of the variance; additive R2: share of the variance between pair means "
            "that rows and columns explain; prediction rank, prediction R2: rank correlation of the pair means of "
            "interference with 1 + L0(B)/L0(A), and the share of their variance that it explains",
        ),
        number("value", "the mean, share, correlation or R2"),
        *_INTERVALS,
        number("variance", "of A, B, pair and seeds: unbiased estimate of the variance, which may be below 0"),
        whole("n_pairs", "number of pairs of different tasks with networks that count"),
        whole("n_seeds", "number of seeds with networks that count"),
        whole("n_networks", "number of networks that count"),
    ),
)

CURVES = Table(
    "curves.parquet",
    "Learning curves: one row for each network, pair of tasks (A, B) and evaluation during the training on B.",
    (
        *_PAIR,
        whole("update", "number of updates of the training on B before this evaluation"),
        number("loss_first", "loss on A"),
        number("loss_second", "loss on B"),
        number("accuracy_first", "accuracy (0..1) on A; empty if A defines none"),
        number("accuracy_second", "accuracy (0..1) on B; empty if B defines none"),
    ),
)

TRACKED = Table(
    "tracked.parquet",
    "Weights that the architecture tracks: one row for each of their elements and each evaluation of training on B.",
    (
        *_PAIR,
        whole("update", "number of updates of the training on B before this evaluation"),
        text("weight", "name of the tracked weight"),
        whole("row", "row of the element in the matrix of weights, from 0"),
        whole("column", "column of the element in the matrix of weights, from 0"),
        number("value", "value of the element"),
    ),
    finite=False,
)

STAGES = Table(
    "stages.csv",
    "One row for each network, stage of its history and task: loss and accuracy after the stage.",
    (
        *_SETTING,
        text(
            "history",
            "the tasks of the network, in order, joined by ' > '. The last one may be still to come (see stage)",
        ),
        whole(
            "stage",
            "number of tasks of the history that have been learnt; 0 is before any training. If it is less than all of "
            "them, the row is about the last task of the history, which is not learnt yet",
        ),
        text("task_learnt", "the task learnt in this stage; empty at stage 0"),
        _SEED,
        text("task", "the task that is evaluated"),
        number("loss", "loss on the held-out trials of the task"),
        number("own_loss", "loss on the held-out trials over the task's own outputs only"),
        number("accuracy", "accuracy (0..1) on the held-out trials; empty if the task defines none"),
        number(
            "accuracy_auc",
            "mean accuracy (0..1) over the whole budget of updates in this stage: trapezoids between evaluations, and "
            "the last accuracy after training has ended. Empty unless the row's task is task_learnt",
        ),
        whole("updates", "number of updates in this stage; empty if the task of the row is still to come"),
        truth(
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
        text("history", "the tasks learnt, in order, joined by ' > '; all are different and have an accuracy"),
        _SEED,
        *(number(name, metric.meaning) for name, metric in METRICS.items()),
    ),
)

TIMING = Table(
    "timing.csv",
    "One row for each cell (one network after one stage of its history): the computing time.",
    (
        *_SETTING,
        text("history", "all tasks learnt up to and including this stage, in order, joined by ' > '"),
        _SEED,
        whole("updates", "number of updates in the last stage"),
        number(
            "seconds",
            "time that one worker spent on the last stage, including evaluations: processor time on a CPU, elapsed "
            "time on a GPU. Networks that are trained together share their time equally. The value is not reproducible "
            "and is never compared",
        ),
    ),
)

_MEASURED = {column.name: column for columns in MEASURES.values() for column in columns}

ANALYSIS = Table(
    "analysis.csv",
    "One row for each network and ordered pair of tasks (A, B): what learning B changed in the network that had "
    "learnt A.",
    (*_PAIR, *_MEASURED.values(), *ORIGIN),
    finite=False,
)
"""All columns that there can be; the file has those of the analyses that the benchmark asks for."""

TABLES = (INTERFERENCE, COMPARISONS, TRENDS, DECOMPOSITION, STAGES, CONTINUAL, CURVES, ANALYSIS, TRACKED, TIMING)
"""The tables of a results folder; it depends on the benchmark which of them exist."""
