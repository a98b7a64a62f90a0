"""Reads a benchmark file and resolves it; every fault is one line that names the file and the field."""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from rnnbench.errors import BenchmarkError, PluginError
from rnnbench.registry import Kind, Registry, installed
from rnnbench.schema import (
    NAME_PATTERN,
    ArchitectureSpec,
    Benchmark,
    Channels,
    Model,
    RuleSpec,
    Seed,
    TaskSpec,
    Training,
)

Entry = str | dict[str, Any]


def _spelt_out(channels: Any) -> Any:
    return {"layout": channels} if isinstance(channels, str) else channels


class _File(Model):
    """What may stand in a benchmark file."""

    name: str = Field(pattern=NAME_PATTERN, description="names the results folder: letters, digits, _ . -")
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
    seeds: Annotated[int, Field(ge=1)] | Annotated[list[Seed], Field(min_length=1)] = Field(
        3, description="how many (0, 1, ..), or a list of them"
    )
    protocol: Literal["pairs"] = Field("pairs", description="pairs: every ordered pair of tasks and the diagonal")
    channels: Annotated[Channels, BeforeValidator(_spelt_out)] = Field(
        Channels(), description="separate, shared, or {layout: .., idle_outputs: .., ...}"
    )
    training: Training = Field(Training(), description="how every task is trained unless the task says otherwise")
    dtype: Literal["float32", "float64"] = Field("float32", description="arithmetic of training")


def load_benchmark(source: str | Path | dict[str, Any], registry: Registry | None = None) -> Benchmark:
    """The benchmark that a YAML file (or the same as a dict) describes, fully resolved.

    Raises BenchmarkError, one line naming file and field, for whatever is wrong with it.
    """
    if isinstance(source, dict):
        where, content = "benchmark", source
    else:
        where, content = str(source), _read_yaml(Path(source))
    try:
        return _resolve(content, registry or installed())
    except BenchmarkError as error:
        raise BenchmarkError(f"{where}: {error}") from None


def _resolve(content: Any, registry: Registry) -> Benchmark:
    if not isinstance(content, dict):
        raise BenchmarkError("expected a mapping with name, tasks, ...")
    file: _File = _validated(_File, content, "")
    rules = tuple(RuleSpec(**spec) for spec in _specs("rule", file.rules, "rules", registry))
    seeds = tuple(range(file.seeds)) if isinstance(file.seeds, int) else tuple(file.seeds)
    if repeated := _repeated(seeds):
        raise BenchmarkError(f"seeds: {repeated} stands twice; a seed is one network")
    return Benchmark(
        name=file.name,
        description=file.description,
        tasks=tuple(_tasks(file, rules, registry)),
        architectures=tuple(
            ArchitectureSpec(**spec) for spec in _specs("architecture", file.architectures, "architectures", registry)
        ),
        rules=rules,
        seeds=seeds,
        protocol=file.protocol,
        channels=file.channels,
        dtype=file.dtype,
    )


def _tasks(file: _File, rules: tuple[RuleSpec, ...], registry: Registry) -> list[TaskSpec]:
    tasks = []
    general = file.training.model_dump(exclude_unset=True)
    for i, entry in enumerate(file.tasks):
        where = f"tasks[{i}]"
        words = _words(entry, where)
        if "sweep" in words:
            raise BenchmarkError(f"{where}.sweep: tasks are not swept; list the task once for each value, with a label")
        own = words.pop("training", {})
        if not isinstance(own, dict):
            raise BenchmarkError(f"{where}.training: {own!r} is not a mapping")
        training = _validated(Training, {**general, **own}, f"{where}.training")
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
    _refuse_repeated(specs, section, lambda s: (s["label"], s["parameters"].get("g"), s["parameters"].get("units")))
    return specs


def _points(sweep: Any, where: str) -> Iterable[dict[str, Any]]:
    if not (isinstance(sweep, dict) and all(isinstance(v, list) and v for v in sweep.values())):
        raise BenchmarkError(f"{where}.sweep: {sweep!r} is not a mapping from parameters to lists of values")
    return [dict(zip(sweep, values, strict=True)) for values in itertools.product(*sweep.values())]


def _words(entry: Entry, where: str) -> dict[str, Any]:
    words = {"use": entry} if isinstance(entry, str) else dict(entry)
    if not isinstance(words.get("use"), str):
        raise BenchmarkError(f"{where}.use: missing; it names the plugin")
    return words


def _plugin(kind: Kind, words: dict[str, Any], where: str, registry: Registry) -> tuple[str, dict[str, Any]]:
    """Id and complete parameters of the plugin that an entry names."""
    parameters = dict(words)
    name = parameters.pop("use")
    try:
        cls = registry.find(kind, name).cls
    except PluginError as error:
        raise BenchmarkError(f"{where}.use: {error}" if len(words) > 1 else f"{where}: {error}") from None
    plugin = _validated(cls, parameters, where)
    return cls.id(), plugin.model_dump(mode="json")


def _label(label: Any, where: str) -> str:
    if not (isinstance(label, str) and label.strip() and len(label) <= 100 and label.isprintable()):
        raise BenchmarkError(f"{where}.label: {label!r} is not a line of 1 to 100 printable characters")
    return label


def _refuse_repeated(specs: list[Any], section: str, key: Any) -> None:
    if repeated := _repeated(key(spec) for spec in specs):
        name = repeated[0] if isinstance(repeated, tuple) else repeated
        raise BenchmarkError(f"{section}: {name!r} stands twice; give each its own label")


def _repeated(keys: Iterable[Hashable]) -> Any:
    return next((key for key, count in Counter(keys).items() if count > 1), None)


def _validated(cls: type[BaseModel], content: dict[str, Any], where: str) -> Any:
    """`content` as a `cls`, strictly: no text taken for a number, no number for a truth value."""
    try:
        return cls.model_validate_json(json.dumps(content, allow_nan=True), strict=True)
    except (TypeError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise BenchmarkError(_one_line(cls, error, where)) from None
        raise BenchmarkError(f"{where or 'file'}: {' '.join(str(error).split())}") from None


def _one_line(cls: type[BaseModel], error: ValidationError, where: str) -> str:
    """The first fault as `field: what is wrong; what would be right`."""
    first = error.errors(include_url=False)[0]
    path = _path(where, first["loc"])
    value, context = first["input"], first.get("ctx", {})
    about = _description(cls, first["loc"])
    match first["type"]:
        case "extra_forbidden":
            known = sorted(set(_fields(cls, first["loc"][:-1])))
            near = difflib.get_close_matches(str(first["loc"][-1]), known, n=2, cutoff=0.5)
            right = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
            return f"{path}: unknown; {right}"
        case "missing":
            wrong = "missing"
        case "less_than_equal" | "less_than":
            bound = context.get("le", context.get("lt"))
            wrong = f"{value} is {'above' if 'le' in context else 'not below'} {bound}"
        case "greater_than_equal" | "greater_than":
            bound = context.get("ge", context.get("gt"))
            wrong = f"{value} is {'below' if 'ge' in context else 'not above'} {bound}"
        case "value_error":
            wrong = str(context.get("error", first["msg"]))
        case _:
            wrong = f"{json.dumps(value, default=str)}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return f"{path}: {wrong}; {about}" if about else f"{path}: {wrong}"


def _path(where: str, loc: tuple[int | str, ...]) -> str:
    path = where
    for part in loc:
        # Parts that pydantic adds for the members of a union are no fields of the file.
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_]\w*", part) and part not in ("int", "str", "float", "bool", "dict"):
            path += f".{part}" if path else part
    return path or "file"


def _fields(cls: Any, loc: tuple[int | str, ...]) -> list[str]:
    for part in loc:
        field = cls.model_fields.get(part) if hasattr(cls, "model_fields") else None
        cls = field.annotation if field is not None else None
    return list(cls.model_fields) if hasattr(cls, "model_fields") else []


def _description(cls: Any, loc: tuple[int | str, ...]) -> str:
    """What the innermost field of the path that has a description says of itself."""
    told = ""
    for part in loc:
        field = cls.model_fields.get(part) if hasattr(cls, "model_fields") else None
        if field is None:
            break
        told = field.description or told
        cls = field.annotation
    return told


class _Loader(yaml.SafeLoader):
    """YAML as people expect it: 2e-4 is a number, and a key that stands twice is refused."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    if repeated := _repeated(str(key) for key in keys):
        raise yaml.MarkedYAMLError(problem=f"{repeated!r} stands twice", problem_mark=node.start_mark)
    return dict(zip(keys, (loader.construct_object(value, deep=True) for _, value in node.value), strict=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, _names_beside(path), n=2)
        raise BenchmarkError(f"{path}: no such file{f'; did you mean {near[0]}?' if near else ''}") from None
    except OSError as error:
        raise BenchmarkError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BenchmarkError(f"{path}: is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BenchmarkError(f"{path}: {place}{error.problem or 'not valid YAML'}") from None
    except yaml.YAMLError as error:
        raise BenchmarkError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


def _names_beside(path: Path) -> list[str]:
    return [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
