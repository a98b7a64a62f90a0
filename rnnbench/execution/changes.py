"""What a plan adds to or takes from the results that are there, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rnnbench.benchmark.schema import Channels
from rnnbench.execution.plan import Plan
from rnnbench.messages import listed


def change(stored: Any, plan: Plan) -> str | None:
    """Say how the tasks of a benchmark differ from those of the stored results, how many cells stay, and why.

    Args:
        stored: the stored description of the benchmark, which may be anything that JSON can hold.
        plan: the plan of the new one.

    Returns:
        A sentence; None if there are no results, or if they are about the same tasks.
    """
    before, after = _labels(stored), [task.label for task in plan.benchmark.tasks]
    if before is None or before == after:
        return None
    changes = [
        f"{verb} {listed(labels)}"
        for verb, labels in (("adds", _without(after, before)), ("removes", _without(before, after)))
        if labels
    ]
    new = len(plan.missing) - len(plan.without_weights)  # a cell without its weights keeps its result
    what = " and ".join(changes) or "changes the order of the tasks"
    return f"{what}: {plan.n_cells - new:,} cells stay and {new:,} are new{_reason(plan.benchmark.channels)}"


def _labels(stored: Any) -> list[str] | None:
    try:
        return [str(task["label"]) for task in stored["tasks"]]
    except (TypeError, KeyError):
        return None


def _without(labels: Iterable[str], others: Iterable[str]) -> list[str]:
    return [label for label in labels if label not in set(others)]


def _reason(channels: Channels) -> str:
    """Why cells depend on the other tasks of the benchmark; empty if they do not."""
    if channels.grow:
        return ""
    if channels.layout == "shared":
        return ", because all tasks share their channels (layout: shared)"
    if channels.idle_outputs == "zero":
        return ", because every network has the outputs of all tasks (idle_outputs: zero)"
    return ", because the channels of all tasks are correlated"
