"""Differences between resolved benchmarks, as readable paths and values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, RuleSpec, TaskSpec, canonical_json

ABSENT = "–"
"""Shown for a value that a lab does not have."""

PRESENT = "present"
"""Shown for a task, an architecture, a rule or a condition that a lab has."""

IRRELEVANT = {"format", "name", "description", "claims", "analyses", "seeds"}
"""Fields of a benchmark that are not compared: those that change no number, and the seeds, which may differ."""


@dataclass(frozen=True)
class Difference:
    """One setting, and its value in each lab as text."""

    path: str
    values: tuple[str, ...]


def benchmark_differences(benchmarks: Sequence[Benchmark]) -> list[Difference]:
    """Settings in which the benchmarks differ; architectures and rules are matched by their labels.

    Args:
        benchmarks: resolved benchmark of each lab.

    Returns:
        One difference for each setting, with its value in each lab.
    """
    found = differences([dict(_settings(benchmark)) for benchmark in benchmarks])
    # A task, architecture, rule or condition that a lab does not have is one difference, not one per parameter.
    absent = tuple(one.path for one in found if PRESENT in one.values)
    return [one for one in found if not any(one.path.startswith(f"{path}.") for path in absent)]


def differences(flat: Sequence[Mapping[str, str]]) -> list[Difference]:
    """The paths whose values are not the same in all labs, in order of appearance.

    Args:
        flat: for each lab, the value of each path as JSON text, as `flatten` gives it.
    """
    paths = dict.fromkeys(path for one in flat for path in one)
    found = {path: [one.get(path, ABSENT) for one in flat] for path in paths}
    return [Difference(path, tuple(map(_plain, values))) for path, values in found.items() if len(set(values)) > 1]


def _plain(text: str) -> str:
    """JSON text without the quotes of a string."""
    value = json.loads(text) if text.startswith('"') else text
    return value if isinstance(value, str) else text


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, JSON text) of every leaf of nested dictionaries; lists of plain values are leaves."""
    if isinstance(value, Mapping) and (value or not path):
        for name, inner in value.items():
            yield from flatten(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{path}[{index}]")
    else:
        yield path, canonical_json(value)


def _settings(benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    """The values of a benchmark as (path, JSON text); list items are identified by name, not by position."""
    plain = benchmark.model_dump(mode="json", exclude=IRRELEVANT | {"tasks", "architectures", "rules", "conditions"})
    yield from flatten(plain)
    yield from _tasks(benchmark, "")
    for architecture in benchmark.architectures:
        yield from _member(architecture, f"architectures[{_architecture_name(architecture)}]")
    for rule in benchmark.rules:
        yield from _member(rule, f"rules[{rule.label}]")
    for setting in benchmark.settings if benchmark.conditions else ():
        where = f"conditions[{setting.condition}]"
        yield where, PRESENT
        yield from _tasks(setting, f"{where}.")
        yield from flatten(setting.channels.model_dump(mode="json"), f"{where}.channels")


def _tasks(benchmark: Benchmark, where: str) -> Iterator[tuple[str, str]]:
    if not benchmark.channels.grow:  # Channels are assigned in the order of the tasks, so the order is a setting too.
        yield f"{where}tasks (order)", ", ".join(task.label for task in benchmark.tasks)
    for task in benchmark.tasks:
        yield from _member(task, f"{where}tasks[{task.label}]")


def _member(spec: TaskSpec | ArchitectureSpec | RuleSpec, path: str) -> Iterator[tuple[str, str]]:
    yield path, PRESENT
    yield from flatten(spec.model_dump(mode="json", exclude={"label"}), path)


def _architecture_name(architecture: ArchitectureSpec) -> str:
    g = "" if architecture.g is None else f", g = {architecture.g}"
    return f"{architecture.label}{g}, N = {architecture.units}"
