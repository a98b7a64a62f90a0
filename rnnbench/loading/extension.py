"""Adds tasks to the benchmark of existing results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rnnbench.benchmark.schema import Benchmark, Channels, TaskSpec, Training
from rnnbench.errors import BenchmarkError
from rnnbench.loading.benchmark_file import task_of
from rnnbench.loading.yaml_file import parsed
from rnnbench.plugin.registry import Registry


def extended(benchmark: Benchmark, tasks: Sequence[str], registry: Registry) -> Benchmark:
    """Add tasks to a benchmark of all ordered pairs.

    The new tasks are trained like most of the others, unless they have a training of their own.

    Args:
        benchmark: the benchmark.
        tasks: names of task plugins, or mappings as in a benchmark file, e.g. "{use: my_task, duration: 5}".
        registry: the known plugins.

    Returns:
        The benchmark with the tasks after those that it has.

    Raises:
        BenchmarkError: a task is unknown, wrong or there already, or the benchmark is not one of all pairs.
    """
    if benchmark.protocol != "pairs":
        raise BenchmarkError("protocol: the benchmark trains sequences; add a sequence to its file and run that")
    entries = [_entry(text) for text in tasks]
    own = {"tasks": _with(benchmark.tasks, entries, benchmark, registry, {})}
    conditions = []
    for condition in benchmark.conditions:
        values = {name: v for name, v in condition.values.items() if name not in Channels.model_fields}
        more = _with(condition.tasks, entries, benchmark, registry, values)
        conditions.append(condition.model_copy(update={"tasks": more}))
    return benchmark.model_copy(update=own | {"conditions": tuple(conditions)})


def _with(
    present: Sequence[TaskSpec],
    entries: Iterable[Any],
    benchmark: Benchmark,
    registry: Registry,
    condition: dict[str, Any],
) -> tuple[TaskSpec, ...]:
    usual = _usual(task.training for task in present).model_dump()
    tasks = list(present)
    for entry in entries:
        name = entry if isinstance(entry, str) else entry.get("use", "task")
        task = task_of(entry, str(name), usual, benchmark.rules, registry, condition)
        if any(task.label == other.label for other in tasks):
            raise BenchmarkError(f"{task.label}: the benchmark has a task of this name; give the new one a label")
        tasks.append(task)
    return tuple(tasks)


def _entry(text: str) -> Any:
    entry = parsed(text)
    if not isinstance(entry, str | dict):
        raise BenchmarkError(f"{text:.60}: is not a task; write its name or a mapping, e.g. '{{use: my_task}}'")
    return entry


def _usual(trainings: Iterable[Training]) -> Training:
    """The settings that most tasks have; the first of those that are equally frequent."""
    return Counter(trainings).most_common(1)[0][0]
