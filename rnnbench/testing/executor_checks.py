"""What rnnbench asks of an executor: the numbers of a serial run, whatever was there before."""

from __future__ import annotations

import json as plain_json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnbench.execution import run as runner
from rnnbench.execution.executors.serial import Serial
from rnnbench.plugin.executor import Executor
from rnnbench.plugin.registry import installed
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Check, Failed, Skipped

SEEDS = 2


def json(executor: Executor) -> str:
    """It comes back from JSON."""
    any_plugin.rebuilt(executor)
    return f"{len(type(executor).model_fields)} parameters"


def where(executor: Executor) -> str:
    """It says in a line where the work is done."""
    told = executor.where(2, 1)
    if not told or len(told.splitlines()) > 1:
        raise Failed(f"where() returns {told!r:.80}; expected a few words on one line")
    return told


def same_numbers(executor: Executor) -> str:
    """It computes every cell, with the numbers of a serial run."""
    with _homes() as (here, there):
        n = len(runner.compute(_prepared(here, Serial())))
        _run(there, executor)
        _compare(here, there)
    return f"{n} cells alike"


def goes_on(executor: Executor) -> str:
    """It goes on with what another run has left, and leaves alone what is there."""
    with _homes() as (here, there):
        runner.compute(_prepared(here, Serial()))
        runner.compute(_prepared(there, Serial(), seeds=1))
        before = _files(there)
        _run(there, executor)
        if changed := [name for name, content in before.items() if _files(there).get(name) != content]:
            raise Failed(f"{changed[0]} was there and has been written again")
        _compare(here, there)
    return f"{len(before)} cells left as they were"


def _run(home: Path, executor: Executor) -> None:
    prepared = _prepared(home, executor)
    told = runner.compute(prepared)
    if untold := set(prepared.plan.missing) - set(told):
        raise Failed(
            f"{len(untold)} of {len(prepared.plan.missing)} cells were never told of; see Work.tell, Work.look"
        )


def _compare(here: Path, there: Path) -> None:
    expected, found = (
        {name: plain_json.loads(content)["result"] for name, content in _files(home).items()} for home in (here, there)
    )
    if missing := expected.keys() - found.keys():
        raise Failed(f"{len(missing)} of {len(expected)} cells are not computed")
    if other := [name for name in expected if found[name] != expected[name]]:
        raise Failed(f"{len(other)} of {len(expected)} cells differ from those of a serial run, such as {other[0]}")


def _files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.glob("*/cells/??/*.json")}


@contextmanager
def _homes() -> Iterator[tuple[Path, Path]]:
    # In the working folder: a cluster's nodes may not share this machine's temporary files.
    with tempfile.TemporaryDirectory(dir=".", prefix="check-") as name:
        yield Path(name) / "serial", Path(name) / "checked"


def _prepared(home: Path, executor: Executor, seeds: int = SEEDS) -> runner.Prepared:
    task = next((f.id for (kind, _), f in sorted(installed().found.items()) if kind == "task"), None)
    if task is None:
        raise Skipped("no task is installed to try it with")
    content: dict[str, Any] = {
        "name": "check",
        "tasks": [task, {"use": task, "label": "again"}],
        "architectures": [{"use": "vanilla_rnn", "units": 4, "sweep": {"g": [0.5, 1.0]}}],
        "seeds": seeds,
        "training": {"batch": 2, "max_updates": 2, "evaluate_every": 1, "evaluation_trials": 2},
    }
    return runner.prepare(content, home, workers=1 if executor.name == "serial" else 2, device="cpu", executor=executor)


CHECKS: tuple[Check, ...] = (json, where, same_numbers, goes_on)
