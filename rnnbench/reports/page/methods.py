"""The methods of a benchmark as text that can stand in a paper, from the resolved description alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.benchmark.schema import (
    ArchitectureSpec,
    Benchmark,
    Channels,
    RuleSpec,
    TaskSpec,
    Training,
    canonical_json,
)
from rnnbench.reports.page.equations import equations
from rnnbench.reports.page.numbers import counted, listed, plain
from rnnbench.reports.page.provenance import NOT_RECORDED, Plugin, Provenance

Spec = TaskSpec | ArchitectureSpec | RuleSpec

MEASURE = (
    "The loss L is half the mean squared error, weighted by the task's mask and averaged over time, trials and "
    "outputs, on held-out trials that were the same at every look. Interference of B with A is I(A ← B) = (L_A after B "
    "− L_A after A) / (L_A before training − L_A after A): 0 if nothing of A was lost, 1 if the network was as bad as "
    "before training, more if it was worse. A network counts if it reached its criterion on A and every loss is "
    "finite; those that do not count are told and left out of means. Means and standard deviations are over seeds; "
    "intervals are 95 % percentile bootstraps over seeds (10,000 resamples; Efron & Tibshirani 1993, section 13.3), "
    "each seed being averaged over its pairs first. "
)


@dataclass(frozen=True)
class Source:
    """A plugin and where it was published."""

    plugin: str
    package: str
    source: str


@dataclass(frozen=True)
class Methods:
    """Paragraphs (heading, text, items of a list after it), the sources of all plugins, and tables of parameters."""

    paragraphs: list[tuple[str, str, list[str]]]
    sources: list[Source]
    parameters: list[tuple[str, list[tuple[str, str, str]]]]


def methods(benchmark: Benchmark, made: Provenance) -> Methods:
    """Text, sources and parameters; `made` has what the plugins said of themselves."""
    paragraphs = [
        ("Networks", "", _plugins("architecture", benchmark.architectures, made)),
        ("Learning", "", _plugins("rule", benchmark.rules, made)),
        ("Training", f"{_training(benchmark)} {_protocol(benchmark)} {_seeds(benchmark)}", []),
        ("Measures", MEASURE + _idle(benchmark.channels) + _analyses(benchmark), []),
        ("Software", _software(benchmark, made), []),
    ]
    paragraphs = [
        (title, items[0], []) if len(items) == 1 else (title, text, items) for title, text, items in paragraphs
    ]
    paragraphs.insert(1, ("Tasks", _tasks_told(benchmark), _tasks(benchmark.tasks, made)))
    sources = [
        Source(
            plugin.id, f"{plugin.package} {plugin.package_version}".strip(), plugin.source or f"source {NOT_RECORDED}"
        )
        for plugin in made.plugins.values()
    ]
    specs: list[tuple[str, Spec]] = [("architecture", spec) for spec in benchmark.architectures]
    specs += [("task", spec) for spec in benchmark.tasks]
    specs += [("rule", spec) for spec in benchmark.rules]
    groups: dict[tuple[str, str, str], list[Spec]] = {}
    for kind, spec in specs:
        groups.setdefault((kind, spec.plugin, spec.label), []).append(spec)
    tables = [(f"{label} ({plugin})", _rows(kind, plugin, of, made)) for (kind, plugin, label), of in groups.items()]
    return Methods(paragraphs, sources, tables)


def _rows(kind: str, plugin: str, specs: Sequence[Spec], made: Provenance) -> list[tuple[str, str, str]]:
    """(parameter, value or values, meaning) of what specs of one plugin and label have."""
    known = made.plugins[kind, plugin].parameters
    rows = []
    for name, values in _values(specs).items():
        description, unit = known.get(name, ("", ""))
        rows.append((name, "; ".join(values) + (f" {unit}" if unit else ""), description))
    return rows


def _values(specs: Iterable[Spec]) -> dict[str, list[str]]:
    """The different values of each parameter, in order of appearance."""
    found: dict[str, list[str]] = {}
    for spec in specs:
        for name, value in spec.parameters.items():
            told = plain(value)
            if told not in found.setdefault(name, []):
                found[name].append(told)
    return found


def _plugins(kind: str, specs: Sequence[Spec], made: Provenance) -> list[str]:
    """What each architecture or rule is, its equations and what is swept."""
    groups: dict[str, list[Spec]] = {}
    for spec in specs:
        groups.setdefault(spec.plugin, []).append(spec)
    return [_plugin(made.plugins[kind, plugin], of) for plugin, of in groups.items()]


def _plugin(plugin: Plugin, specs: Sequence[Spec]) -> str:
    values = _values(specs)
    swept = {name: told for name, told in values.items() if len(told) > 1}
    own = " Or: ".join(dict.fromkeys(equations(plugin.id, spec.parameters) for spec in specs))
    told = [f"{plugin.name} (version {plugin.id.rpartition('@')[2]}{_cited(plugin)})."]
    if plugin.summary and not own:
        told.append(_sentence(plugin.summary))
    told.append(own or _sentence(plugin.details))
    if plugin.kind == "architecture":
        told.append(f"The networks had N = {listed(values.get('units', []))} recurrent units.")
        if "g" in values:
            told.append(f"Connectivity strength g = {listed(values['g'])}.")
    others = [f"{name} = {listed(v)}" for name, v in swept.items() if name not in ("g", "units")]
    if others:
        told.append(f"Compared were {'; '.join(others)}.")
    if not own:
        fixed = [f"{name} = {v[0]}" for name, v in values.items() if len(v) == 1 and name not in ("g", "units")]
        told.append(f"Parameters: {', '.join(fixed)}." if fixed else "")
    return " ".join(part for part in told if part)


def _tasks_told(benchmark: Benchmark) -> str:
    told = (
        f"Times are in units of the time constant τ of a unit. {_channels(benchmark.channels)}{_conditions(benchmark)}"
    )
    return f"{told} There {'was' if len(benchmark.tasks) == 1 else 'were'} {counted(len(benchmark.tasks), 'task')}:"


def _tasks(tasks: Sequence[TaskSpec], made: Provenance) -> list[str]:
    told = []
    for task in tasks:
        plugin = made.plugins["task", task.plugin]
        name = task.label if task.label == plugin.name else f"{task.label}, which is {plugin.name}"
        parameters = ", ".join(_with_unit(n, v, plugin) for n, v in task.parameters.items())
        summary = f" {_sentence(plugin.summary)}" if plugin.summary else ""
        with_them = f" Parameters: {parameters}." if parameters else ""
        told.append(f"{name} (version {plugin.id.rpartition('@')[2]}{_cited(plugin)}).{summary}{with_them}")
    return told


def _with_unit(name: str, value: Any, plugin: Plugin) -> str:
    unit = plugin.parameters.get(name, ("", ""))[1]
    number = isinstance(value, int | float | list) and not isinstance(value, bool)
    shown = f"[{plain(value)}]" if isinstance(value, list) else plain(value)
    return f"{name} = {shown}{f' {unit}' if unit and number else ''}"


def _cited(plugin: Plugin) -> str:
    return f"; {plugin.source}" if plugin.source else f"; source {NOT_RECORDED}"


def _sentence(text: str) -> str:
    """With a full stop at its end."""
    text = " ".join(text.split())
    return text if not text or text[-1] in ".!?" else f"{text}."


def _channels(channels: Channels) -> str:
    if channels.layout == "separate":
        told = "Each task had input and output channels of its own"
        correlations = {"input": channels.input_correlation, "output": channels.output_correlation}
        turned = [f"{name} {plain(value)}" for name, value in correlations.items() if value]
        told += f", the vectors of different tasks at a cosine of {listed(turned)}." if turned else "."
    else:
        told = "All tasks shared their input and output channels"
        told += "; one more input for each task was 1 during its trials." if channels.context else "."
    idle = {"zero": "were trained to zero", "free": "were left free"}[channels.idle_outputs]
    return f"{told} Outputs that the task at hand did not use {idle}."


def _conditions(benchmark: Benchmark) -> str:
    if not benchmark.conditions:
        return ""
    values: dict[str, list[str]] = {}
    for condition in benchmark.conditions:
        for name, value in condition.values.items():
            if plain(value) not in values.setdefault(name, []):
                values[name].append(plain(value))
    varied = "; ".join(f"{name} = {listed(each)}" for name, each in values.items())
    return f" Everything was done once at each of {counted(len(benchmark.conditions), 'condition')}: {varied}."


def _training(benchmark: Benchmark) -> str:
    groups: dict[str, tuple[Training, list[str]]] = {}
    for task in benchmark.tasks:
        key = canonical_json(task.training.model_dump(mode="json"))
        groups.setdefault(key, (task.training, []))[1].append(task.label)
    told = [_one_training(training, [] if len(groups) == 1 else labels) for training, labels in groups.values()]
    return f"{' '.join(told)} Computations were in {benchmark.dtype}."


def _one_training(training: Training, labels: list[str]) -> str:
    criterion = training.criterion
    if criterion.relative_loss is not None:
        bound = f"{plain(100 * criterion.relative_loss)} % of the same network's loss before any training"
    else:
        bound = plain(criterion.loss)
    on = f"On {listed(labels)}: every" if labels else "Every"
    rate = f" The learning rate was {plain(training.learning_rate)}." if training.learning_rate is not None else ""
    every = counted(training.evaluate_every, "update")
    return (
        f"{on} update used {counted(training.batch, 'fresh trial')}. Every {every} "
        f"the loss was taken on {counted(training.evaluation_trials, 'held-out trial')}; training on a task ended when "
        f"it was at or below {bound}, or after {counted(training.max_updates, 'update')}.{rate}"
    )


def _protocol(benchmark: Benchmark) -> str:
    if benchmark.protocol == "pairs":
        return (
            "For every ordered pair of tasks (A, B) a network learnt A, and from there B; as a control for drift a "
            "network that had learnt A was trained on A for as many updates again."
        )
    histories = "; ".join(" > ".join(history) for history in benchmark.protocol[:20])
    more = f" and {len(benchmark.protocol) - 20} more" if len(benchmark.protocol) > 20 else ""
    n = counted(len(benchmark.protocol), "sequence")
    return f"Networks learnt tasks one after the other, in {n}: {histories}{more}."


def _seeds(benchmark: Benchmark) -> str:
    seeds = benchmark.seeds
    named = (
        f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)) else ""
    )
    named = named or listed([str(seed) for seed in seeds[:20]])
    return f"Initial weights and all trials were drawn from {counted(len(seeds), 'seed')} ({named})."


def _idle(channels: Channels) -> str:
    if channels.idle_outputs == "free":
        return "Losses are over the task's own outputs."
    return (
        "Losses are over the task's own outputs and the idle ones, so that I can tend to more than 1 where A's input "
        "comes to drive the outputs of B."
    )


def _analyses(benchmark: Benchmark) -> str:
    told = {"modes": "the mode of learning", "updates": "the weight updates", "fixed_points": "fixed points"}
    if not benchmark.analyses:
        return ""
    measured = listed([told[name] for name in benchmark.analyses])
    return f" Also measured on the weights were {measured} (rnnbench, docs/analysis.md)."


def _software(benchmark: Benchmark, made: Provenance) -> str:
    known = dict(made.lines)
    named = {"rnnbench": "rnnbench", "torch": "torch", "numpy": "numpy", "Python": "Python"}
    versions = [
        f"{name} {known[key]}" if known[key] != NOT_RECORDED else f"{name} (version {NOT_RECORDED})"
        for key, name in named.items()
    ]
    packages = sorted({f"{p.package} {p.package_version}".strip() for p in made.plugins.values() if p.package})
    plugins = f" Plugins came from {listed(packages)}." if packages else ""
    checksum = known["SHA-256 of the description"][:16]
    return (
        f"Benchmark {benchmark.name}, its resolved description having SHA-256 {checksum}…, was computed with "
        f"{listed(versions)}.{plugins}"
    )
