"""Whether a network that is trained again is the stored one, so that the tables never mix two networks.

A stored network is trained again if its weights are missing or damaged, for example in an archive without weights. On
another machine, device or version of the software it may then differ in its last digits, and after long training in
more. What descends from the stored network would not fit the new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rnnbench.benchmark.cells import joined
from rnnbench.errors import AnotherNetwork
from rnnbench.results.records import Record, Result, Scores

ROUNDING = {"tf32": 0.05, "bfloat16": 0.05}
"""By precision, the largest relative difference of a loss that may be rounding; 0.001 for those that are not listed. A
network with the channels of one more task adds up its numbers in another order: differences of 4e-7 were measured."""


def same_numbers(stored: Result, again: Result) -> bool:
    """Return whether two results of a cell are those of the same network: they have the same numbers.

    The checksums of their arrays are not compared, nor tasks on which the stored network could not be evaluated.

    Args:
        stored: the stored result.
        again: the result of the network that was trained again.
    """
    return _numbers(stored, stored) == _numbers(again, stored)


def check_same(description: Mapping[str, Any], stored: Result, again: Result) -> None:
    """Check that a network that was trained again is the stored one.

    Args:
        description: the description of the cell.
        stored: its result in the store, whose weights are missing or which lacks tasks that `again` has.
        again: the result of the network that was trained again.

    Raises:
        AnotherNetwork: the results differ.
    """
    if same_numbers(stored, again):
        return
    lacks = "weights are missing or damaged"
    if again.after.keys() > stored.after.keys():
        lacks = "scores on a task are missing"
    loss = _losses(stored.after, again.after)
    weights = "first-tasks" if len(description["history"]) == 1 else "all"
    raise AnotherNetwork(
        f"{network_of(description)}: its {lacks}, and trained again, for example on another machine, it differs from "
        f"the stored network{loss}; the stored result stays as it is. Use an archive with its weights (export "
        f"--weights {weights}) or a results folder of your own (run)"
    )


def check_start(description: Mapping[str, Any], again: Result, later: Record) -> None:
    """Check that a stored result of a later stage started from a network whose own result was lost.

    Args:
        description: the description of the cell whose result was lost.
        again: the result of the network that was trained again.
        later: a record of the next stage.

    Raises:
        AnotherNetwork: the later stage started from another network.
    """
    curve = later.result.curve
    if curve is None or curve.updates[:1] != [0]:
        return
    start = {label: Scores(loss=losses[0]) for label, losses in curve.loss.items()}
    tolerance = ROUNDING.get(str(description["dtype"]), 0.001)
    both = again.after.keys() & start.keys()
    alike = all(_alike(start[label].loss, again.after[label].loss, tolerance) for label in both)
    if again.status == "done" and alike:
        return
    raise AnotherNetwork(
        f"{network_of(description)}: its result was lost, and trained again it differs from the network from which the "
        f"stored result {_history(later.description)} started{_losses(start, again.after)}; the stored results stay as "
        "they are. Compute the benchmark anew in another folder (run --results)"
    )


def network_of(description: Mapping[str, Any]) -> str:
    """Name a network by its history, g if it has one, and seed.

    Args:
        description: the description of its cell.
    """
    g = description["architecture"]["parameters"].get("g")
    names = [_history(description), *([] if g is None else [f"g = {g}"]), f"seed {description['seed']}"]
    return ", ".join(names)


def _history(description: Mapping[str, Any]) -> str:
    return joined([stage["task"] for stage in description["history"]])


def _numbers(result: Result, of: Result) -> dict[str, Any]:
    """The content of a result without the checksum of its arrays and without tasks that the result `of` lacks."""
    content = result.model_dump(mode="json", exclude={"arrays_sha256"})
    content["after"] = _only(content["after"], of.after)
    if content["curve"] is not None and of.curve is not None:
        for name, tasks in (("loss", of.curve.loss), ("accuracy", of.curve.accuracy)):
            content["curve"][name] = _only(content["curve"][name], tasks)
    return content


def _only(mapping: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: mapping[name] for name in names if name in mapping}


def _alike(one: float | None, two: float | None, tolerance: float) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=tolerance)


def _losses(stored: Mapping[str, Scores], again: Mapping[str, Scores]) -> str:
    """The first loss that differs, for a message; empty if none does."""
    for label, scores in again.items():
        if label in stored and stored[label].loss != scores.loss:
            return f" (loss on {label} {_number(stored[label].loss)} there, {_number(scores.loss)} now)"
    return ""


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.9g}"
