"""Reads a benchmark file and resolves it. Every error message is one line that names the file and the field."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from rnnbench.benchmark.cells import SEPARATOR
from rnnbench.benchmark.schema import (
    NAME_PATTERN,
    Analysis,
    ArchitectureSpec,
    Benchmark,
    Channels,
    ClaimId,
    Condition,
    Model,
    RuleSpec,
    Seed,
    TaskSpec,
    Training,
)
from rnnbench.errors import BenchmarkError, PluginError
from rnnbench.loading.validation import validated
from rnnbench.loading.yaml_file import read_yaml
from rnnbench.messages import one_line, shown, suggestion
from rnnbench.plugin.learning_rule import LearningRule
from rnnbench.plugin.registry import RESERVED, Kind, Registry, installed

Entry = str | dict[str, Any]


Seeds = Annotated[
    Annotated[int, Field(ge=1, le=100_000), Tag("count")] | Annotated[list[Seed], Field(min_length=1), Tag("list")],
    # The form of the value decides, so that an error message is about the form that was meant.
    Discriminator(lambda value: "list" if isinstance(value, list) else "count"),
]


Protocol = Annotated[
    Annotated[Literal["pairs"], Tag("word")]
    | Annotated[list[Annotated[list[str], Field(min_length=1)]], Field(min_length=1), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "word"),
]


def _as_mapping(channels: Any) -> Any:
    return {"layout": channels} if isinstance(channels, str) else channels


class _File(Model):
    """The content of a benchmark file, before plugins are resolved."""

    name: str = Field(
        pattern=NAME_PATTERN, max_length=100, description="names the results folder: letters, digits, _ . -"
    )
    description: str = Field("", description="what the benchmark investigates")
    tasks: list[Entry] = Field(
        min_length=1, description="plugin names, or {use: name, label: .., training: .., parameters}"
    )
    architectures: list[Entry] = Field(
        ["vanilla_rnn"], min_length=1, description="plugin names, or {use: name, parameters, sweep: ..}"
    )
    rules: list[Entry] = Field(
        ["gradient_descent"], min_length=1, description="plugin names, or {use: name, parameters, sweep: ..}"
    )
    seeds: Seeds = Field(3, description="how many seeds (0, 1, ...), or a list of seeds")
    protocol: Protocol = Field(
        "pairs",
        description="pairs: every ordered pair of tasks and the diagonal; or a list of sequences of task labels",
    )
    conditions: dict[str, Any] = Field(
        {}, description="values of parameters that all tasks have, or of fields of channels, e.g. {drive: [0, 0.1]}"
    )
    channels: Annotated[Channels, BeforeValidator(_as_mapping)] = Field(
        Channels(), description="separate, shared, or {layout: .., idle_outputs: .., ...}"
    )
    training: Training = Field(
        Training(), description="how every task is trained, unless the task has its own training"
    )
    analyses: list[Analysis] = Field(
        [], description="modes, updates, fixed_points: what is measured on the weights, which are then all stored"
    )
    claims: list[ClaimId] = Field(
        [], description="claims to be judged on the results, e.g. [C2]; if empty, all that apply"
    )
    dtype: Literal["float32", "float64", "tf32", "bfloat16"] = Field(
        "float32", description="arithmetic of training: float32, float64, or float32 with products in tf32 or bfloat16"
    )


def load_benchmark(source: str | Path | dict[str, Any], registry: Registry | None = None) -> Benchmark:
    """Read a benchmark and resolve its plugins, defaults, sweeps and conditions.

    Args:
        source: a YAML file, or its content as a dict.
        registry: the known plugins; all installed ones if it is None.

    Raises:
        BenchmarkError: the file cannot be read or something in it is wrong; the message is one line that names the
            file and the field.
    """
    where = "benchmark" if isinstance(source, dict) else str(source)
    try:
        content = source if isinstance(source, dict) else read_yaml(Path(source))
        return _resolve(content, registry or installed())
    except BenchmarkError as error:
        raise BenchmarkError(f"{where}: {error}") from None


def _resolve(content: Any, registry: Registry) -> Benchmark:
    if not isinstance(content, dict):
        raise BenchmarkError("expected a mapping with name, tasks, ...")
    file: _File = validated(_File, content, "")
    rules = tuple(RuleSpec(**spec) for spec in _specs("rule", file.rules, "rules", registry))
    conditions = tuple(_conditions(file, rules, registry))
    # If there are conditions, these are the tasks as they are written, without the values of a condition.
    tasks = tuple(_tasks(file, rules, registry, {}))
    seeds = tuple(range(file.seeds)) if isinstance(file.seeds, int) else tuple(file.seeds)
    if repeated := _repeated(seeds):
        raise BenchmarkError(f"seeds: {repeated} is listed twice; a seed is one network")
    specs = _specs("architecture", file.architectures, "architectures", registry)
    architectures = tuple(ArchitectureSpec(**spec) for spec in specs)
    _check_compatible(rules, architectures, bool(file.analyses), registry)
    return Benchmark(
        name=file.name,
        description=file.description,
        tasks=tasks,
        architectures=architectures,
        rules=rules,
        seeds=seeds,
        protocol=file.protocol if file.protocol == "pairs" else _sequences(file.protocol, tasks),
        conditions=conditions,
        channels=file.channels,
        analyses=tuple(dict.fromkeys(file.analyses)),
        claims=tuple(dict.fromkeys(file.claims)),
        dtype=file.dtype,
    )


def _check_compatible(
    rules: tuple[RuleSpec, ...], architectures: tuple[ArchitectureSpec, ...], analysed: bool, registry: Registry
) -> None:
    """Raise BenchmarkError if a rule cannot be used with an architecture or with the analyses."""
    for spec in rules:
        rule: LearningRule = registry.build("rule", spec.plugin, spec.parameters)
        if analysed and type(rule).weights_for is not LearningRule.weights_for:
            reason = "has different weights for each task, which analyses do not support"
            raise BenchmarkError(f"analyses: rule {spec.label} {reason}; remove the analyses or the rule")
        for architecture in architectures:
            try:
                rule.check(registry.build("architecture", architecture.plugin, architecture.parameters))
            except Exception as error:
                reason = one_line(error)
                raise BenchmarkError(
                    f"rules: {spec.label} cannot train architecture {architecture.label}: {reason}"
                ) from None


def _sequences(protocol: list[list[str]], tasks: tuple[TaskSpec, ...]) -> tuple[tuple[str, ...], ...]:
    labels = [task.label for task in tasks]
    for i, sequence in enumerate(protocol):
        for j, label in enumerate(sequence):
            if label not in labels:
                raise BenchmarkError(
                    f"protocol[{i}][{j}]: no task is called {label!r:.60}; {suggestion(label, labels)}"
                )
        if sequence in protocol[:i]:
            raise BenchmarkError(f"protocol[{i}]: is listed twice")
    return tuple(tuple(sequence) for sequence in protocol)


def _conditions(file: _File, rules: tuple[RuleSpec, ...], registry: Registry) -> Iterable[Condition]:
    """Every combination of the values of the conditions, each with its tasks and channels."""
    if not file.conditions:
        return
    of_channels = set(Channels.model_fields)
    for name, values in file.conditions.items():
        if name in RESERVED:
            raise BenchmarkError(f"conditions.{name}: is not a parameter of tasks or channels")
        if isinstance(values, list) and not all(isinstance(value, bool | int | float | str) for value in values):
            raise BenchmarkError(
                f"conditions.{name}: {shown(values)} has a value that is not a number, string or boolean"
            )
    for values in _points(file.conditions, "conditions", is_section=True):
        label = ", ".join(f"{name}={value}" for name, value in values.items())
        try:
            channels = {name: value for name, value in values.items() if name in of_channels}
            if twice := sorted(set(channels) & file.channels.model_fields_set):
                raise BenchmarkError(f"channels.{twice[0]}: also given outside the conditions")
            own = {name: value for name, value in values.items() if name not in of_channels}
            yield Condition(
                values=values,
                tasks=tuple(_tasks(file, rules, registry, own)),
                channels=validated(Channels, {**file.channels.model_dump(exclude_unset=True), **channels}, "channels"),
            )
        except BenchmarkError as error:
            raise BenchmarkError(f"conditions ({label}): {error}") from None


def _tasks(file: _File, rules: tuple[RuleSpec, ...], registry: Registry, condition: dict[str, Any]) -> list[TaskSpec]:
    """The tasks, with the values of a condition added to the parameters of each."""
    general = file.training.model_dump(exclude_unset=True)
    tasks = [task_of(entry, f"tasks[{i}]", general, rules, registry, condition) for i, entry in enumerate(file.tasks)]
    _refuse_repeated(tasks, "tasks", lambda task: task.label)
    return tasks


def task_of(
    entry: Entry,
    where: str,
    training: dict[str, Any],
    rules: Iterable[RuleSpec],
    registry: Registry,
    condition: dict[str, Any],
) -> TaskSpec:
    """Resolve a task of a benchmark file.

    Args:
        entry: the entry of the list of tasks.
        where: its place, for error messages.
        training: the settings of training that the task does not set itself.
        rules: the learning rules of the benchmark.
        registry: the known plugins.
        condition: values of a condition, which are added to the task's parameters.

    Raises:
        BenchmarkError: something in the entry is wrong.
    """
    content = _content(entry, where)
    if "sweep" in content:
        raise BenchmarkError(f"{where}.sweep: tasks are not swept; list the task once for each value, with a label")
    if twice := sorted(set(condition) & set(content)):
        raise BenchmarkError(f"{where}.{twice[0]}: also given outside the conditions")
    content |= condition
    own = content.pop("training", {})
    if not isinstance(own, dict):
        raise BenchmarkError(f"{where}.training: {shown(own)} is not a mapping")
    resolved = validated(Training, {**training, **own}, f"{where}.training")
    for rule in rules:
        if resolved.learning_rate is not None and "learning_rate" not in rule.parameters:
            raise BenchmarkError(f"{where}.training.learning_rate: rule {rule.label} has no learning rate to replace")
    label = content.pop("label", None)
    plugin, parameters = _plugin("task", content, where, registry)
    label = plugin.partition("@")[0] if label is None else _label(label, where)
    return TaskSpec(label=label, plugin=plugin, parameters=parameters, training=resolved)


def _specs(kind: Kind, entries: list[Entry], section: str, registry: Registry) -> list[dict[str, Any]]:
    """Label, plugin and parameters of each architecture or rule, one for each combination of swept values."""
    specs: list[dict[str, Any]] = []
    for i, entry in enumerate(entries):
        where = f"{section}[{i}]"
        content = _content(entry, where)
        if "training" in content:
            raise BenchmarkError(f"{where}.training: training is set for the whole benchmark or for a task")
        label, sweep = content.pop("label", None), content.pop("sweep", {})
        for swept in _points(sweep, where):
            if twice := set(swept) & set(content):
                raise BenchmarkError(f"{where}.sweep.{twice.pop()}: also given outside the sweep")
            plugin, parameters = _plugin(kind, {**content, **swept}, where, registry)
            base = plugin.partition("@")[0] if label is None else _label(label, where)
            # g and units have their own columns in the tables; other swept parameters appear in the label.
            named = [f"{name}={value}" for name, value in swept.items() if name not in ("g", "units")]
            specs.append(
                {"label": f"{base}[{','.join(named)}]" if named else base, "plugin": plugin, "parameters": parameters}
            )
    _refuse_repeated(
        specs, section, lambda s: (s["label"], str(s["parameters"].get("g")), s["parameters"].get("units"))
    )
    return specs


def _points(sweep: Any, where: str, is_section: bool = False) -> list[dict[str, Any]]:
    """Every combination of the values that a sweep or the conditions give to each parameter."""
    section = where if is_section else f"{where}.sweep"
    if not (isinstance(sweep, dict) and all(isinstance(v, list) and v for v in sweep.values())):
        raise BenchmarkError(f"{section}: {shown(sweep)} is not a mapping from parameters to lists of values")
    for name, values in sweep.items():
        if any(value in values[:i] for i, value in enumerate(values)):
            raise BenchmarkError(f"{section}.{name}: {shown(values)} lists a value twice")
    return [dict(zip(sweep, values, strict=True)) for values in itertools.product(*sweep.values())]


def _content(entry: Entry, where: str) -> dict[str, Any]:
    """An entry of a list of plugins as a mapping, in which `use` names the plugin."""
    content = {"use": entry} if isinstance(entry, str) else dict(entry)
    if not isinstance(content.get("use"), str):
        value = f"{shown(content['use'])} is not a name" if "use" in content else "missing"
        raise BenchmarkError(f"{where}.use: {value}; use names the plugin")
    return content


def _plugin(kind: Kind, content: dict[str, Any], where: str, registry: Registry) -> tuple[str, dict[str, Any]]:
    """The id and all parameters of the plugin that an entry of the file names."""
    parameters = dict(content)
    name = parameters.pop("use")
    try:
        cls = registry.find(kind, name).cls
    except PluginError as error:
        raise BenchmarkError(f"{where}.use: {error}" if len(content) > 1 else f"{where}: {error}") from None
    plugin = validated(cls, parameters, where, also_known=RESERVED - {"sweep" if kind == "task" else "training"})
    try:
        return cls.id(), plugin.model_dump(mode="json")
    except Exception as error:
        reason = shown(one_line(error), quoted=False)
        raise BenchmarkError(f"{where}: {cls.id()} has a parameter that JSON cannot represent: {reason}") from None


def _label(label: Any, where: str) -> str:
    if not (isinstance(label, str) and label.strip() and len(label) <= 100 and label.isprintable()):
        raise BenchmarkError(f"{where}.label: {label!r:.60} is not a line of 1 to 100 printable characters")
    if SEPARATOR in label:
        raise BenchmarkError(f"{where}.label: {label!r:.60} contains ' > ', which separates the tasks of a history")
    return label


def _refuse_repeated(specs: list[Any], section: str, key: Any) -> None:
    if repeated := _repeated(key(spec) for spec in specs):
        name = repeated[0] if isinstance(repeated, tuple) else repeated
        raise BenchmarkError(f"{section}: {name!r} is listed twice; give each its own label")


def _repeated(keys: Iterable[Hashable]) -> Any:
    return next((key for key, count in Counter(keys).items() if count > 1), None)
