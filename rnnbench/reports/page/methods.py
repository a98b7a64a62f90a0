"""The methods of a benchmark as text for a paper, generated from the resolved description alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.benchmark.cells import joined
from rnnbench.benchmark.schema import (
    ArchitectureSpec,
    Benchmark,
    Channels,
    RuleSpec,
    TaskSpec,
    Training,
    canonical_json,
)
from rnnbench.messages import counted, listed, one_line
from rnnbench.reports.numbers import plain
from rnnbench.reports.page.equations import equations
from rnnbench.reports.page.provenance import NOT_RECORDED, Plugin, Provenance
from rnnbench.results.interference import IDLE

Spec = TaskSpec | ArchitectureSpec | RuleSpec

MEASURE = (
    "The loss L is half the mean squared error, weighted by the task's mask and averaged over time, trials and "
    "outputs, on held-out trials that were the same at every evaluation. Interference of B with A is I(A ← B) = (L_A "
    "after B − L_A after A) / (L_A before training − L_A after A): 0 if nothing of A was lost, 1 if the network was as "
    "bad as before training, more if it was worse. A network counts if it reached its criterion on A and every loss is "
    "finite. Networks that do not count are reported and left out of means. Means that stand side by side are over the "
    "same pairs and seeds: those that count at every compared value; values at which fewer than half of the networks "
    "count are left out. Comparisons are made when B met its criterion, at equal numbers of updates, and at a half and "
    "a tenth of B's untrained loss (log-linear interpolation between evaluations). Skill lost is (log L_A after B − "
    "log L_A after A) / (log L_A before training − log L_A after A), cut off at 0 and 1. Standard deviations are over "
    "seeds. Intervals are 95 % studentised bootstraps (10,000 resamples; Efron & Tibshirani 1993, section 12.5; Hall "
    "1988), over seeds, each averaged over its pairs first, and over tasks, from the jackknife pseudo-values of "
    "leaving out a task's row and column (Arvesen 1969). Fewer than five seeds have no interval over seeds, and "
    "fewer than five tasks none over tasks. "
)


@dataclass(frozen=True)
class Source:
    """A plugin and the publication that it follows.

    Attributes:
        plugin: id of the plugin with its version.
        package: package that provides the plugin, with its version.
        source: the publication.
    """

    plugin: str
    package: str
    source: str


@dataclass(frozen=True)
class Methods:
    """The methods text.

    Attributes:
        paragraphs: (heading, text, items of a list that follows the text).
        sources: sources of all plugins.
        parameters: for each plugin and label, a title and rows (parameter, value, meaning).
    """

    paragraphs: list[tuple[str, str, list[str]]]
    sources: list[Source]
    parameters: list[tuple[str, list[tuple[str, str, str]]]]


def methods(benchmark: Benchmark, made: Provenance) -> Methods:
    """Write the methods text of a benchmark.

    Args:
        benchmark: the resolved benchmark.
        made: provenance of the results, with the recorded descriptions of the plugins.
    """
    paragraphs = [
        ("Networks", "", _plugins("architecture", benchmark.architectures, made)),
        ("Learning", "", _plugins("rule", benchmark.rules, made)),
        ("Training", f"{_training(benchmark)} {_protocol(benchmark)} {_seeds(benchmark)}", []),
        ("Idle outputs", _idle(benchmark), []),
        ("Measures", MEASURE + _analyses(benchmark), []),
        ("Software", _software(benchmark, made), []),
    ]
    paragraphs = [
        (title, items[0], []) if len(items) == 1 else (title, text, items) for title, text, items in paragraphs
    ]
    paragraphs.insert(1, ("Tasks", _tasks_text(benchmark), _tasks(benchmark.tasks, made)))
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
    """(parameter, value or values, meaning) of the parameters of specs with one plugin and label."""
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
            text = plain(value)
            if text not in found.setdefault(name, []):
                found[name].append(text)
    return found


def _plugins(kind: str, specs: Sequence[Spec], made: Provenance) -> list[str]:
    """For each architecture or rule: its description, its equations and the parameters that are swept."""
    groups: dict[str, list[Spec]] = {}
    for spec in specs:
        groups.setdefault(spec.plugin, []).append(spec)
    return [_plugin(made.plugins[kind, plugin], of) for plugin, of in groups.items()]


def _plugin(plugin: Plugin, specs: Sequence[Spec]) -> str:
    values = _values(specs)
    swept = {name: texts for name, texts in values.items() if len(texts) > 1}
    own = " Or: ".join(dict.fromkeys(equations(plugin.id, spec.parameters) for spec in specs))
    sentences = [f"{plugin.name} (version {plugin.id.rpartition('@')[2]}{_cited(plugin)})."]
    if plugin.summary and not own:
        sentences.append(_sentence(plugin.summary))
    sentences.append(own or _sentence(plugin.details))
    if plugin.kind == "architecture":
        sentences.append(f"The networks had N = {listed(values.get('units', []))} recurrent units.")
        if "g" in values:
            sentences.append(f"Connectivity strength g = {listed(values['g'])}.")
    others = [f"{name} = {listed(v)}" for name, v in swept.items() if name not in ("g", "units")]
    if others:
        sentences.append(f"These values were compared: {'; '.join(others)}.")
    if not own:
        fixed = [f"{name} = {v[0]}" for name, v in values.items() if len(v) == 1 and name not in ("g", "units")]
        sentences.append(f"Parameters: {', '.join(fixed)}." if fixed else "")
    return " ".join(sentence for sentence in sentences if sentence)


def _tasks_text(benchmark: Benchmark) -> str:
    text = (
        f"Times are in units of the time constant τ of a unit. {_channels(benchmark.channels)}{_conditions(benchmark)}"
    )
    return f"{text} There {'was' if len(benchmark.tasks) == 1 else 'were'} {counted(len(benchmark.tasks), 'task')}:"


def _tasks(tasks: Sequence[TaskSpec], made: Provenance) -> list[str]:
    texts = []
    for task in tasks:
        plugin = made.plugins["task", task.plugin]
        name = task.label if task.label == plugin.name else f"{task.label}, which is {plugin.name}"
        parameters = ", ".join(_with_unit(n, v, plugin) for n, v in task.parameters.items())
        summary = f" {_sentence(plugin.summary)}" if plugin.summary else ""
        with_them = f" Parameters: {parameters}." if parameters else ""
        texts.append(f"{name} (version {plugin.id.rpartition('@')[2]}{_cited(plugin)}).{summary}{with_them}")
    return texts


def _with_unit(name: str, value: Any, plugin: Plugin) -> str:
    unit = plugin.parameters.get(name, ("", ""))[1]
    number = isinstance(value, int | float | list) and not isinstance(value, bool)
    shown = f"[{plain(value)}]" if isinstance(value, list) else plain(value)
    return f"{name} = {shown}{f' {unit}' if unit and number else ''}"


def _cited(plugin: Plugin) -> str:
    return f"; {plugin.source}" if plugin.source else f"; source {NOT_RECORDED}"


def _sentence(text: str) -> str:
    """Text that ends with a full stop."""
    text = one_line(text)
    return text if not text or text[-1] in ".!?" else f"{text}."


def _channels(channels: Channels) -> str:
    if channels.layout == "separate":
        text = "Each task had input and output channels of its own"
        correlations = {"input": channels.input_correlation, "output": channels.output_correlation}
        cosines = [f"{plain(value)} ({name})" for name, value in correlations.items() if value]
        text += f", and the vectors of different tasks had a cosine of {listed(cosines)}." if cosines else "."
    else:
        text = "All tasks shared their input and output channels"
        text += "; one more input for each task was 1 during its trials." if channels.context else "."
    return text


def _conditions(benchmark: Benchmark) -> str:
    if not benchmark.conditions:
        return ""
    values: dict[str, list[str]] = {}
    for condition in benchmark.conditions:
        for name, value in condition.values.items():
            if plain(value) not in values.setdefault(name, []):
                values[name].append(plain(value))
    varied = "; ".join(f"{name} = {listed(each)}" for name, each in values.items())
    return f" All networks were trained in each of {counted(len(benchmark.conditions), 'condition')}: {varied}."


def _training(benchmark: Benchmark) -> str:
    groups: dict[str, tuple[Training, list[str]]] = {}
    for task in benchmark.tasks:
        key = canonical_json(task.training.model_dump(mode="json"))
        groups.setdefault(key, (task.training, []))[1].append(task.label)
    texts = [_one_training(training, [] if len(groups) == 1 else labels) for training, labels in groups.values()]
    return f"{' '.join(texts)} Computations were in {benchmark.dtype}."


def _one_training(training: Training, labels: list[str]) -> str:
    criterion = training.criterion
    if criterion.relative_loss is not None:
        bound = f"{plain(100 * criterion.relative_loss)} % of the same network's loss before any training"
    else:
        bound = plain(criterion.loss)
    on = f"On {listed(labels)}: every" if labels else "Every"
    rate = f" The learning rate was {plain(training.learning_rate)}." if training.learning_rate is not None else ""
    every = counted(training.evaluate_every, "update") + (" (more often at first)" if training.dense_start else "")
    return (
        f"{on} update used {counted(training.batch, 'fresh trial')}. Every {every} the loss was evaluated on "
        f"{counted(training.evaluation_trials, 'held-out trial')}; training on a task ended when it was at or below "
        f"{bound}, or after {counted(training.max_updates, 'update')}.{rate}"
    )


def _protocol(benchmark: Benchmark) -> str:
    if benchmark.protocol == "pairs":
        return (
            "For every ordered pair of tasks (A, B) a network learnt A and then B. As a control for drift, a network "
            "that had learnt A was trained on A again, for as many updates as it had taken to learn A."
        )
    histories = "; ".join(joined(history) for history in benchmark.protocol[:20])
    more = f" and {len(benchmark.protocol) - 20} more" if len(benchmark.protocol) > 20 else ""
    n = counted(len(benchmark.protocol), "sequence")
    return f"Networks learnt tasks one after another, in {n}: {histories}{more}."


def _seeds(benchmark: Benchmark) -> str:
    seeds = benchmark.seeds
    named = (
        f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)) else ""
    )
    named = named or listed([str(seed) for seed in seeds[:20]])
    return f"Initial weights and all trials were drawn from {counted(len(seeds), 'seed')} ({named})."


def _idle(benchmark: Benchmark) -> str:
    """What happened to the outputs that a task does not use, and what this means for interference."""
    found = list(dict.fromkeys(setting.channels.idle_outputs for setting in benchmark.settings))
    if len(found) > 1:
        start = "The conditions differ in what happened to idle outputs, those that the current task did not use."
    else:
        start = f"All results are with {IDLE[found[0]]}; idle outputs are those that the current task did not use."
    return " ".join([start, *(MEANING[one] for one in found)])


MEANING = {
    "free": (
        "With idle outputs free, these outputs were left alone: they were not constrained while a task was learnt, and "
        "every loss was over the task's own outputs only."
    ),
    "zero": (
        "With idle outputs trained to zero, learning B also taught the outputs of A to be silent, and every loss was "
        "over the task's own outputs and the idle ones, so I can exceed 1 if A's input comes to drive the outputs of B."
    ),
}
"""What each setting of `idle_outputs` means, in the methods text."""


def _analyses(benchmark: Benchmark) -> str:
    names = {"modes": "the mode of learning", "updates": "the weight updates", "fixed_points": "fixed points"}
    if not benchmark.analyses:
        return ""
    measured = listed([names[name] for name in benchmark.analyses])
    return f" Further analyses of the weights: {measured} (rnnbench, docs/analysis.md)."


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
        f"Benchmark {benchmark.name} (SHA-256 of its resolved description: {checksum}…) was computed with "
        f"{listed(versions)}.{plugins}"
    )
