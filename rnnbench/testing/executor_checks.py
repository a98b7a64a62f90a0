"""Conformance checks for executors: they give the numbers of a serial run, also when they continue an earlier run."""

from __future__ import annotations

import json as plain_json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnbench.execution.executors.serial import Serial
from rnnbench.execution.prepare import Prepared, prepare
from rnnbench.execution.run import compute
from rnnbench.plugin.executor import Executor
from rnnbench.plugin.registry import installed
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Check, Failed, Skipped

SEEDS = 2
"""Seeds of the small benchmark that is run."""


def json(executor: Executor) -> str:
    """It survives a round trip through JSON."""
    any_plugin.rebuilt(executor)
    return f"{len(type(executor).model_fields)} parameters"


def where(executor: Executor) -> str:
    """The executor says in one line where the work is done."""
    text = executor.where(2, 1)
    if not text or len(text.splitlines()) > 1:
        raise Failed(f"where() returns {text!r:.80}; expected a few words on one line")
    return text


def same_numbers(executor: Executor) -> str:
    """It computes every cell, with the numbers of a serial run."""
    with _homes() as (serial, checked):
        n = len(compute(_prepared(serial, Serial())))
        _run(checked, executor)
        _compare(serial, checked)
    return f"{n} cells are identical"


def goes_on(executor: Executor) -> str:
    """It continues an earlier run and leaves finished cells unchanged."""
    with _homes() as (serial, checked):
        compute(_prepared(serial, Serial()))
        compute(_prepared(checked, Serial(), seeds=1))
        before = _files(checked)
        _run(checked, executor)
        if changed := [name for name, content in before.items() if _files(checked).get(name) != content]:
            raise Failed(f"{changed[0]} of an earlier run was written again; finished cells must stay unchanged")
        _compare(serial, checked)
    return f"{len(before)} cells unchanged"


def _run(home: Path, executor: Executor) -> None:
    prepared = _prepared(home, executor)
    reported = compute(prepared)
    if unreported := set(prepared.plan.missing) - set(reported):
        raise Failed(
            f"{len(unreported)} of {len(prepared.plan.missing)} cells were not reported; see Work.tell and Work.look"
        )


def _compare(serial: Path, checked: Path) -> None:
    """Raise Failed unless both folders hold the same cells with the same results."""
    expected, found = (
        {name: plain_json.loads(content)["result"] for name, content in _files(home).items()}
        for home in (serial, checked)
    )
    if missing := expected.keys() - found.keys():
        raise Failed(f"{len(missing)} of {len(expected)} cells were not computed")
    if other := [name for name in expected if found[name] != expected[name]]:
        raise Failed(f"{len(other)} of {len(expected)} cells differ from those of a serial run, for example {other[0]}")


def _files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.glob("*/cells/??/*.json")}


@contextmanager
def _homes() -> Iterator[tuple[Path, Path]]:
    # The folders are in the working folder, since a cluster's nodes may not share this machine's temporary files.
    with tempfile.TemporaryDirectory(dir=".", prefix="check-") as name:
        yield Path(name) / "serial", Path(name) / "checked"


def _prepared(home: Path, executor: Executor, seeds: int = SEEDS) -> Prepared:
    task = next((f.id for (kind, _), f in sorted(installed().found.items()) if kind == "task"), None)
    if task is None:
        raise Skipped("no task is installed, so that nothing can be run")
    content: dict[str, Any] = {
        "name": "check",
        "tasks": [task, {"use": task, "label": "again"}],
        "architectures": [{"use": "vanilla_rnn", "units": 4, "sweep": {"g": [0.5, 1.0]}}],
        "seeds": seeds,
        "training": {"batch": 2, "max_updates": 2, "evaluate_every": 1, "evaluation_trials": 2},
    }
    return prepare(content, home, workers=1 if executor.name == "serial" else 2, device="cpu", executor=executor)


CHECKS: tuple[Check, ...] = (json, where, same_numbers, goes_on)
