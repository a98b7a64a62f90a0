"""What each column of the tables means: the one place. `rnnbench.results.tables` fills them."""

from __future__ import annotations

NAMES: dict[str, str] = {
    "condition": "what the benchmark varies for all tasks at once, e.g. drive=0.1; empty where it varies nothing. Each "
    "name in it has a column of its own at the end of the table",
    "architecture": "label of the architecture",
    "rule": "label of the learning rule",
    "g": "connectivity strength; empty where the architecture has none",
    "units": "number of recurrent units N",
    "earlier_tasks": "tasks learnt before A, in order, joined by ' > '; empty where A was the first",
    "first_task": "label of A, learnt first",
    "second_task": "label of B, learnt second; where it is A, more of A for as many updates as A took (drift control)",
    "seed": "of weights and trials",
}
"""Columns that name a network and the last two stages of its history; the same in every table of pairs."""

INTERFERENCE_COLUMNS: dict[str, str] = {
    **NAMES,
    "status": "done, or failed: no result, the reason is in `failure`",
    "failure": "why there is no result",
    "converged_first": "A reached its criterion within the budget",
    "converged_second": "B reached its criterion within the budget; empty for drift controls",
    "updates_first": "updates of training on A",
    "updates_second": "updates of training on B",
    "loss_untrained": "loss on A before any training",
    "loss_first": "loss on A after training on A",
    "loss_after": "loss on A after training on B",
    "interference": "(loss_after - loss_first) / (loss_untrained - loss_first); empty where A was not learnt at all. "
    "Idle outputs count where they are trained to zero: if A's input comes to drive B's outputs, it tends to 1 + the "
    "ratio of the squared targets of B to those of A",
    "loss_peak": "highest loss on A while B was learnt",
    "interference_peak": "interference at that moment",
    "accuracy_untrained": "accuracy on A before any training, where A defines one",
    "accuracy_first": "accuracy on A after training on A",
    "accuracy_after": "accuracy on A after training on B",
    "interference_accuracy": "interference in error rates (1 - accuracy) instead of losses",
    "own_loss_untrained": "as loss_untrained, over A's own outputs alone: the idle outputs left out",
    "own_loss_first": "as loss_first, over A's own outputs alone",
    "own_loss_after": "as loss_after, over A's own outputs alone",
    "interference_own": "interference in these losses: what A's own outputs lost",
    "second_loss_untrained": "loss on B before any training",
    "second_loss_before": "loss on B after training on A, before its own",
    "second_loss_after": "loss on B after training on B",
    "second_updates_alone": "updates of training on B as a first task, same seed",
    "second_converged_alone": "B as a first task reached its criterion within the budget",
    "transfer": "updates_second / second_updates_alone, where both reached the criterion; below 1: A helped B",
    "savings": "1 - updates_second / updates that B took when it was first learnt in this history, where it was learnt "
    "before and reached the criterion both times; above 0: relearning is quicker",
}

CURVES_COLUMNS: dict[str, str] = {
    **NAMES,
    "update": "updates of training on B made so far",
    "loss_first": "loss on A",
    "loss_second": "loss on B",
    "accuracy_first": "accuracy on A, where A defines one",
    "accuracy_second": "accuracy on B, where B defines one",
}

TRACKED_COLUMNS: dict[str, str] = {
    **NAMES,
    "update": "updates of training on B made so far",
    "weight": "name of a small weight that the architecture tracks",
    "row": "of its matrix, from 0",
    "column": "of its matrix, from 0",
    "value": "at that update",
}

STAGES_COLUMNS: dict[str, str] = {
    **{name: NAMES[name] for name in ("condition", "architecture", "rule", "g", "units")},
    "history": "all tasks that the network learnt up to this stage, in order, joined by ' > '; at stage 0 the first to "
    "come, which the losses do not depend on",
    "stage": "how many tasks those are; 0: before any training",
    "task_learnt": "the last of them; empty at stage 0",
    "seed": "of weights and trials",
    "task": "the task whose loss this row holds",
    "loss": "on that task's held-out trials",
    "own_loss": "the same, over the task's own outputs alone",
    "accuracy": "where the task defines one",
    "accuracy_auc": "of the task learnt: mean accuracy along the stage's learning curve (trapezoids between looks) "
    "over the whole budget of updates; after the network has stopped, what it had then; empty on other rows",
    "updates": "made in this stage",
    "converged": "the task learnt reached its criterion; empty for drift controls",
}

CONTINUAL_COLUMNS: dict[str, str] = {
    **{name: NAMES[name] for name in ("condition", "architecture", "rule", "g", "units")},
    "history": "the tasks learnt, all different and all with an accuracy, in order, joined by ' > '",
    "seed": "of weights and trials",
}
"""The columns that follow are the figures in `rnnbench.results.sequence_metrics.METRICS`."""

TIMING_COLUMNS: dict[str, str] = {
    **{name: NAMES[name] for name in ("condition", "architecture", "rule", "g", "units")},
    "history": "all tasks that the network learnt up to this stage, in order, joined by ' > '",
    "seed": "of weights and trials",
    "updates": "made in the last stage",
    "seconds": "that the last stage took one worker, looks at the evaluation trials included: processor time on a CPU, "
    "the clock's on a GPU; of networks trained together each has its share. Not reproducible, and never compared",
}

BOOLEAN = ["converged_first", "converged_second", "second_converged_alone"]
WHOLE = ["updates_first", "updates_second", "second_updates_alone"]

TABLES: dict[str, str] = {
    "interference.csv": "A row for each network and ordered pair of tasks: raw losses and accuracies, interference.",
    "stages.csv": "A row for each network, stage of its history and task: raw loss and accuracy.",
    "continual.csv": "A row for each network and history: figures of sequences, each as its authors defined it.",
    "curves.parquet": "Losses on both tasks along the training of the second.",
    "analysis.csv": "A row for each network and pair: what learning B did to the network that knew A.",
    "tracked.parquet": "Weights that an architecture tracks along training.",
    "timing.csv": "Seconds that each cell took.",
}
"""The tables of a results folder; which of them there are depends on the benchmark."""
