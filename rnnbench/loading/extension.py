"""Adds tasks to the benchmark of existing results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rnnbench.benchmark.schema import Benchmark, Channels, TaskSpec, Training
from rnnbench.errors import BenchmarkError
from rnnbench.loading.benchmark_file import task_of
from rnnbench.loading.yaml_file import parsed
from rnnbench.messages import listed
from rnnbench.plugin.registry import Registry


def extended(benchmark: Benchmark, tasks: Sequence[str], registry: Registry) -> Benchmark:
    """Add tasks to a benchmark of all ordered pairs.

    The new tasks are trained like most of the others, unless they have a training of their own. A task that is there
    already, with exactly the same description, stays where it is. So adding the same tasks again changes nothing.

    Args:
        benchmark: the benchmark.
        tasks: names of task plugins, or mappings as in a benchmark file, e.g. "{use: my_task, duration: 5}".
        registry: the known plugins.

    Returns:
        The benchmark with the new tasks after those that it has.

    Raises:
        BenchmarkError: a task is unknown or wrong, another task has its label, or the benchmark trains sequences.
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
    entries: Sequence[Any],
    benchmark: Benchmark,
    registry: Registry,
    condition: dict[str, Any],
) -> tuple[TaskSpec, ...]:
    def resolved(training: Training) -> list[TaskSpec]:
        return [
            task_of(entry, _name(entry), training.model_dump(), benchmark.rules, registry, condition)
            for entry in entries
        ]

    labels = {task.label for task in resolved(_usual(present))}
    # Tasks that an earlier, interrupted command added do not count, so that it is understood as it was then.
    added = resolved(_usual([task for task in present if task.label not in labels] or present))
    tasks = list(present)
    for task in added:
        same_label = next((other for other in tasks if other.label == task.label), None)
        if same_label is None:
            tasks.append(task)
        elif differences := _differences(same_label, task):
            what = f"the benchmark has a task of this name with other values of {listed(differences)}"
            raise BenchmarkError(f"{task.label}: {what}; give the new one a label")
    return tuple(tasks)


def _differences(stored: TaskSpec, task: TaskSpec) -> list[str]:
    """Names of what differs between two tasks of the same label."""
    one, two = (
        {"use": each["plugin"], **each["parameters"], **each["training"]}
        for each in (stored.model_dump(mode="json"), task.model_dump(mode="json"))
    )
    return [name for name in {**one, **two} if (name in one, one.get(name)) != (name in two, two.get(name))]


def _name(entry: Any) -> str:
    return str(entry if isinstance(entry, str) else entry.get("use", "task"))


def _entry(text: str) -> Any:
    entry = parsed(text)
    if not isinstance(entry, str | dict):
        raise BenchmarkError(f"{text:.60}: is not a task; write its name or a mapping, e.g. '{{use: my_task}}'")
    return entry


def _usual(tasks: Sequence[TaskSpec]) -> Training:
    """The training that most tasks have; the first of those that are equally frequent."""
    return Counter(task.training for task in tasks).most_common(1)[0][0]
