"""Reads a benchmark file and resolves it; every fault is one line that names the file and the field."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

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
from rnnbench.plugin.interfaces import LearningRule
from rnnbench.plugin.registry import RESERVED, Kind, Registry, installed

Entry = str | dict[str, Any]


Seeds = Annotated[
    Annotated[int, Field(ge=1, le=100_000), Tag("count")] | Annotated[list[Seed], Field(min_length=1), Tag("list")],
    # By its form, so that a fault is told of the form that was meant.
    Discriminator(lambda value: "list" if isinstance(value, list) else "count"),
]


Protocol = Annotated[
    Annotated[Literal["pairs"], Tag("word")]
    | Annotated[list[Annotated[list[str], Field(min_length=1)]], Field(min_length=1), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "word"),
]


def _spelt_out(channels: Any) -> Any:
    return {"layout": channels} if isinstance(channels, str) else channels


class _File(Model):
    """What may stand in a benchmark file."""

    name: str = Field(
        pattern=NAME_PATTERN, max_length=100, description="names the results folder: letters, digits, _ . -"
    )
    description: str = Field("", description="what the benchmark asks")
    tasks: list[Entry] = Field(
        min_length=1, description="plugin names, or {use: name, label: .., training: .., parameters}"
    )
    architectures: list[Entry] = Field(
        ["vanilla_rnn"], min_length=1, description="plugin names, or {use: name, parameters, sweep: ..}"
    )
    rules: list[Entry] = Field(
        ["gradient_descent"], min_length=1, description="plugin names, or {use: name, parameters, sweep: ..}"
    )
    seeds: Seeds = Field(3, description="how many (0, 1, ..), or a list of them")
    protocol: Protocol = Field(
        "pairs",
        description="pairs: every ordered pair of tasks and the diagonal; or a list of sequences of task labels",
    )
    conditions: dict[str, Any] = Field(
        {}, description="values of parameters that all tasks have, or of channels, e.g. {drive: [0, 0.1]}"
    )
    channels: Annotated[Channels, BeforeValidator(_spelt_out)] = Field(
        Channels(), description="separate, shared, or {layout: .., idle_outputs: .., ...}"
    )
    training: Training = Field(Training(), description="how every task is trained unless the task says otherwise")
    analyses: list[Analysis] = Field(
        [], description="modes, updates, fixed_points: what is measured on the weights, which are then all kept"
    )
    claims: list[ClaimId] = Field(
        [], description="claims to be judged on the results, e.g. [C2]; empty: all that apply"
    )
    dtype: Literal["float32", "float64", "tf32", "bfloat16"] = Field(
        "float32", description="arithmetic of training: float32, float64; or float32 with products in tf32 or bfloat16"
    )


def load_benchmark(source: str | Path | dict[str, Any], registry: Registry | None = None) -> Benchmark:
    """The benchmark that a YAML file (or the same as a dict) describes, fully resolved.

    Raises BenchmarkError, one line naming file and field, for whatever is wrong with it.
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
    # Where there are conditions the tasks stand there without their values, as they were written.
    tasks = tuple(_tasks(file, rules, registry, {}))
    seeds = tuple(range(file.seeds)) if isinstance(file.seeds, int) else tuple(file.seeds)
    if repeated := _repeated(seeds):
        raise BenchmarkError(f"seeds: {repeated} stands twice; a seed is one network")
    specs = _specs("architecture", file.architectures, "architectures", registry)
    architectures = tuple(ArchitectureSpec(**spec) for spec in specs)
    _refuse_unfit(rules, architectures, bool(file.analyses), registry)
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


def _refuse_unfit(
    rules: tuple[RuleSpec, ...], architectures: tuple[ArchitectureSpec, ...], analysed: bool, registry: Registry
) -> None:
    """Raise BenchmarkError for a rule that an architecture or an analysis does not go with."""
    for spec in rules:
        rule: LearningRule = registry.build("rule", spec.plugin, spec.parameters)
        if analysed and type(rule).weights_for is not LearningRule.weights_for:
            told = "uses other weights for each task, which analyses do not see"
            raise BenchmarkError(f"analyses: rule {spec.label} {told}; leave one of them out")
        for architecture in architectures:
            try:
                rule.check(registry.build("architecture", architecture.plugin, architecture.parameters))
            except Exception as error:
                told = one_line(error)
                raise BenchmarkError(
                    f"rules: {spec.label} cannot train architecture {architecture.label}: {told}"
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
            raise BenchmarkError(f"protocol[{i}]: stands twice")
    return tuple(tuple(sequence) for sequence in protocol)


def _conditions(file: _File, rules: tuple[RuleSpec, ...], registry: Registry) -> Iterable[Condition]:
    """Every combination of the values, each with the tasks and the channels that it makes."""
    if not file.conditions:
        return
    of_channels = set(Channels.model_fields)
    for name, values in file.conditions.items():
        if name in RESERVED:
            raise BenchmarkError(f"conditions.{name}: is no parameter of tasks or channels")
        if isinstance(values, list) and not all(isinstance(value, bool | int | float | str) for value in values):
            raise BenchmarkError(
                f"conditions.{name}: {shown(values)} has a value that is no number, word or truth value"
            )
    for values in _points(file.conditions, "conditions", is_section=True):
        told = ", ".join(f"{name}={value}" for name, value in values.items())
        try:
            channels = {name: value for name, value in values.items() if name in of_channels}
            if twice := sorted(set(channels) & file.channels.model_fields_set):
                raise BenchmarkError(f"channels.{twice[0]}: given outside the conditions as well")
            own = {name: value for name, value in values.items() if name not in of_channels}
            yield Condition(
                values=values,
                tasks=tuple(_tasks(file, rules, registry, own)),
                channels=validated(Channels, {**file.channels.model_dump(exclude_unset=True), **channels}, "channels"),
            )
        except BenchmarkError as error:
            raise BenchmarkError(f"conditions ({told}): {error}") from None


def _tasks(file: _File, rules: tuple[RuleSpec, ...], registry: Registry, condition: dict[str, Any]) -> list[TaskSpec]:
    """The tasks, each with the values of a condition among its parameters."""
    tasks = []
    general = file.training.model_dump(exclude_unset=True)
    for i, entry in enumerate(file.tasks):
        where = f"tasks[{i}]"
        words = _words(entry, where)
        if "sweep" in words:
            raise BenchmarkError(f"{where}.sweep: tasks are not swept; list the task once for each value, with a label")
        if twice := sorted(set(condition) & set(words)):
            raise BenchmarkError(f"{where}.{twice[0]}: given outside the conditions as well")
        words |= condition
        own = words.pop("training", {})
        if not isinstance(own, dict):
            raise BenchmarkError(f"{where}.training: {shown(own)} is not a mapping")
        training = validated(Training, {**general, **own}, f"{where}.training")
        for rule in rules:
            if training.learning_rate is not None and "learning_rate" not in rule.parameters:
                raise BenchmarkError(
                    f"{where}.training.learning_rate: rule {rule.label} has no learning rate to replace"
                )
        label = words.pop("label", None)
        plugin, parameters = _plugin("task", words, where, registry)
        label = plugin.partition("@")[0] if label is None else _label(label, where)
        tasks.append(TaskSpec(label=label, plugin=plugin, parameters=parameters, training=training))
    _refuse_repeated(tasks, "tasks", lambda task: task.label)
    return tasks


def _specs(kind: Kind, entries: list[Entry], section: str, registry: Registry) -> list[dict[str, Any]]:
    """Architectures or rules, one for each point of their sweeps."""
    specs: list[dict[str, Any]] = []
    for i, entry in enumerate(entries):
        where = f"{section}[{i}]"
        words = _words(entry, where)
        if "training" in words:
            raise BenchmarkError(f"{where}.training: training belongs to the benchmark or to a task")
        label, sweep = words.pop("label", None), words.pop("sweep", {})
        for swept in _points(sweep, where):
            if twice := set(swept) & set(words):
                raise BenchmarkError(f"{where}.sweep.{twice.pop()}: given outside the sweep as well")
            plugin, parameters = _plugin(kind, {**words, **swept}, where, registry)
            base = plugin.partition("@")[0] if label is None else _label(label, where)
            # g and units have columns of their own in the tables; anything else that is swept shows in the label.
            told = [f"{name}={value}" for name, value in swept.items() if name not in ("g", "units")]
            specs.append(
                {"label": f"{base}[{','.join(told)}]" if told else base, "plugin": plugin, "parameters": parameters}
            )
    _refuse_repeated(
        specs, section, lambda s: (s["label"], str(s["parameters"].get("g")), s["parameters"].get("units"))
    )
    return specs


def _points(sweep: Any, where: str, is_section: bool = False) -> list[dict[str, Any]]:
    section = where if is_section else f"{where}.sweep"
    if not (isinstance(sweep, dict) and all(isinstance(v, list) and v for v in sweep.values())):
        raise BenchmarkError(f"{section}: {shown(sweep)} is not a mapping from parameters to lists of values")
    for name, values in sweep.items():
        if any(value in values[:i] for i, value in enumerate(values)):
            raise BenchmarkError(f"{section}.{name}: {shown(values)} has a value twice")
    return [dict(zip(sweep, values, strict=True)) for values in itertools.product(*sweep.values())]


def _words(entry: Entry, where: str) -> dict[str, Any]:
    words = {"use": entry} if isinstance(entry, str) else dict(entry)
    if not isinstance(words.get("use"), str):
        told = shown(words["use"]) if "use" in words else "missing"
        raise BenchmarkError(f"{where}.use: {told}; it names the plugin")
    return words


def _plugin(kind: Kind, words: dict[str, Any], where: str, registry: Registry) -> tuple[str, dict[str, Any]]:
    """Id and complete parameters of the plugin that an entry names."""
    parameters = dict(words)
    name = parameters.pop("use")
    try:
        cls = registry.find(kind, name).cls
    except PluginError as error:
        raise BenchmarkError(f"{where}.use: {error}" if len(words) > 1 else f"{where}: {error}") from None
    plugin = validated(cls, parameters, where, also_known=RESERVED - {"sweep" if kind == "task" else "training"})
    try:
        return cls.id(), plugin.model_dump(mode="json")
    except Exception as error:
        told = shown(one_line(error), quoted=False)
        raise BenchmarkError(f"{where}: {cls.id()} has a parameter that no record can hold: {told}") from None


def _label(label: Any, where: str) -> str:
    if not (isinstance(label, str) and label.strip() and len(label) <= 100 and label.isprintable()):
        raise BenchmarkError(f"{where}.label: {label!r:.60} is not a line of 1 to 100 printable characters")
    if " > " in label:
        raise BenchmarkError(
            f"{where}.label: {label!r:.60} has ' > ' in it, which stands between the tasks of a history"
        )
    return label


def _refuse_repeated(specs: list[Any], section: str, key: Any) -> None:
    if repeated := _repeated(key(spec) for spec in specs):
        name = repeated[0] if isinstance(repeated, tuple) else repeated
        raise BenchmarkError(f"{section}: {name!r} stands twice; give each its own label")


def _repeated(keys: Iterable[Hashable]) -> Any:
    return next((key for key, count in Counter(keys).items() if count > 1), None)
