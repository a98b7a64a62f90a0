"""A wrong benchmark file is refused in one line that names file and field. A correct one is resolved completely."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import BenchmarkError
from rnnbench.loading.benchmark_file import load_benchmark

REASONABLE = 400
"""Largest number of characters of a message, apart from the path."""


def refusal(path: Path) -> str:
    """The message with which a file is refused: one line that begins with the file."""
    with pytest.raises(BenchmarkError) as caught:
        load_benchmark(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert len(message) <= REASONABLE + len(str(path))
    return message.removeprefix(f"{path}: ")


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "b.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


SOUND = "name: x\ntasks: [fixed_points]\n"
ONE_TASK = "name: x\ntasks: [{{use: fixed_points, {}}}]\n"
FLIP_FLOP = "name: x\ntasks: [{{use: flip_flop, {}}}]\n"
TRAINING = SOUND + "training: {{{}}}\n"
NET = SOUND + "architectures: [{{use: vanilla_rnn, {}}}]\n"
RULE = SOUND + "rules: [{{use: gradient_descent, {}}}]\n"
LONG = "a" * 100_000

# For each error: the file, the field that the message names, and what would be right
WRONG: dict[str, tuple[str, str, str]] = {
    "unknown key at the top": (SOUND + "trainig: {}\n", "trainig: unknown", "did you mean training?"),
    "unknown key like no other": (SOUND + "zzzzz: 1\n", "zzzzz: unknown", "known are analyses, architectures,"),
    "unknown key with a space": (SOUND + "my key: 1\n", "my key", "known are analyses, architectures,"),
    "unknown key that is a type's name": (SOUND + "int: 1\n", "int: unknown", "known are"),
    "unknown key with a line break": (SOUND + '"a\\nb": 1\n', "a\\nb", "known are"),
    "key that is a number": (SOUND + "1: 2\n", "1 is not a string", "must be strings"),
    "key that is a list": (SOUND + "? [a, b]\n: 1\n", "line ", ""),
    "unknown plugin": ("name: x\ntasks: [flipflop]\n", "tasks[0]: unknown task 'flipflop'", "did you mean flip_flop"),
    "unknown plugin with parameters": (
        "name: x\ntasks: [{use: flipflop, channels: 2}]\n",
        "tasks[0].use: unknown task 'flipflop'",
        "did you mean flip_flop",
    ),
    "unknown version": (
        "name: x\ntasks: [flip_flop@9]\n",
        "tasks[0]: unknown task 'flip_flop@9'",
        "installed versions: flip_flop@1",
    ),
    "architecture among the tasks": ("name: x\ntasks: [vanilla_rnn]\n", "tasks[0]: unknown task", "known are"),
    "unknown architecture": (
        SOUND + "architectures: [vanila_rnn]\n",
        "architectures[0]: unknown architecture",
        "did you mean vanilla_rnn",
    ),
    "unknown rule": (SOUND + "rules: [sgd]\n", "rules[0]: unknown rule 'sgd'", "gradient_descent"),
    "unknown parameter": (ONE_TASK.format("chanels: 2"), "tasks[0].chanels: unknown", "did you mean channels"),
    "misspelled label": (ONE_TASK.format("lable: a"), "tasks[0].lable: unknown", "did you mean label?"),
    "unknown parameter of an architecture": (NET.format("unit: 8"), "architectures[0].unit", "did you mean units"),
    "unknown field of training": (TRAINING.format("bacth: 2"), "training.bacth", "did you mean batch?"),
    "unknown field of a task's training": (
        ONE_TASK.format("training: {bacth: 2}"),
        "tasks[0].training.bacth",
        "did you mean batch?",
    ),
    "unknown field of channels": (SOUND + "channels: {contxt: true}\n", "channels.contxt", "did you mean context?"),
    "above the range": (ONE_TASK.format("drive: 1.5"), "tasks[0].drive: 1.5 is above 1", "relative"),
    "below the range": (ONE_TASK.format("channels: 0"), "tasks[0].channels: 0 is below 1", "memories"),
    "at an open lower bound": (ONE_TASK.format("duration: 0"), "tasks[0].duration: 0 is not above 0", "tau"),
    "at an open upper bound": (RULE.format("beta1: 1"), "rules[0].beta1: 1 is not below 1", "decay"),
    "text for a number": (ONE_TASK.format("duration: six"), 'tasks[0].duration: "six"', "number"),
    "quoted number": (ONE_TASK.format("duration: '6'"), 'tasks[0].duration: "6"', "number"),
    "number for a truth value": (NET.format("bias: 1"), "architectures[0].bias: 1", "boolean"),
    "true for a whole number": (NET.format("units: true"), "architectures[0].units: true", "integer"),
    "fraction for a whole number": (NET.format("units: 8.5"), "architectures[0].units: 8.5", "integer"),
    "null for a number": (NET.format("units: null"), "architectures[0].units: null", "integer"),
    "list for a number": (NET.format("units: [8]"), "architectures[0].units: [8]", "integer"),
    "wrong choice": (NET.format("learn: some"), "architectures[0].learn", "'recurrent' or 'all'"),
    "wrong dtype": (SOUND + "dtype: float16\n", "dtype", "'float32', 'float64', 'tf32' or 'bfloat16'"),
    "wrong layout": (SOUND + "channels: banana\n", "channels", "'separate' or 'shared'"),
    "wrong protocol": (SOUND + "protocol: triples\n", "protocol", "pairs"),
    "context on separate channels": (
        SOUND + "channels: {layout: separate, context: true}\n",
        "channels: context",
        "layout: shared",
    ),
    "correlation on shared channels": (
        SOUND + "channels: {layout: shared, input_correlation: 0.5}\n",
        "channels: correlations",
        "layout: separate",
    ),
    "one end of an interval": (FLIP_FLOP.format("fixation: [1]"), "tasks[0].fixation", "smallest and largest"),
    "interval the wrong way round": (FLIP_FLOP.format("fixation: [2, 1]"), "tasks[0].fixation", "smaller first"),
    "two parameters that do not fit": (ONE_TASK.format("duration: 6"), "tasks[0]: loss_start", "below duration"),
    "name missing": ("tasks: [fixed_points]\n", "name: missing", "names the results folder"),
    "name a number": ("name: 3\ntasks: [fixed_points]\n", "name: 3", "string"),
    "name a path": ("name: a/b\ntasks: [fixed_points]\n", 'name: "a/b"', "letters, digits"),
    "name of a hidden folder": ("name: .x\ntasks: [fixed_points]\n", "name", "letters, digits"),
    "name with a line break": ('name: "x\\n"\ntasks: [fixed_points]\n', "name", "letters, digits"),
    "name longer than a file name can be": (f"name: {'x' * 300}\ntasks: [fixed_points]\n", "name", ""),
    "tasks missing": ("name: x\n", "tasks: missing", "plugin names"),
    "tasks empty": ("name: x\ntasks: []\n", "tasks", "at least 1"),
    "tasks null": ("name: x\ntasks:\n", "tasks: null", "plugin names"),
    "tasks a text": ("name: x\ntasks: fixed_points\n", 'tasks: "fixed_points"', "plugin names"),
    "task a number": ("name: x\ntasks: [3]\n", "tasks[0]: 3", "plugin names"),
    "task without use": ("name: x\ntasks: [{label: a}]\n", "tasks[0].use: missing", "names the plugin"),
    "use a number": ("name: x\ntasks: [{use: 3}]\n", "tasks[0].use: 3", "names the plugin"),
    "the same task twice": ("name: x\ntasks: [fixed_points, fixed_points]\n", "tasks: 'fixed_points'", "label"),
    "the same label twice": (
        "name: x\ntasks: [{use: fixed_points, label: a}, {use: flip_flop, label: a}]\n",
        "tasks: 'a' is listed twice",
        "label",
    ),
    "the same rule twice": (SOUND + "rules: [gradient_descent, gradient_descent]\n", "rules: ", "label"),
    "label empty": (ONE_TASK.format("label: ''"), "tasks[0].label: ''", "1 to 100 printable"),
    "label a number": (ONE_TASK.format("label: 3"), "tasks[0].label: 3", "printable"),
    "label of two lines": (ONE_TASK.format('label: "a\\nb"'), "tasks[0].label: 'a\\nb'", "printable"),
    "label too long": (ONE_TASK.format(f"label: {'a' * 101}"), "tasks[0].label", "1 to 100"),
    "seeds repeated": (SOUND + "seeds: [1, 2, 1]\n", "seeds: 1 is listed twice", "a seed is one network"),
    "no seeds": (SOUND + "seeds: 0\n", "seeds: 0 is below 1", "how many"),
    "seeds an empty list": (SOUND + "seeds: []\n", "seeds", "at least 1"),
    "a seed below zero": (SOUND + "seeds: [1, -1]\n", "seeds", "-1 is below 0"),
    "a seed that no table holds": (SOUND + f"seeds: [{2**63}, 1]\n", "seeds[0]: 9223372036854775808", "above"),
    "a seed that is a text": (SOUND + "seeds: [1, two]\n", 'seeds[1]: "two"', "integer"),
    "seeds a text": (SOUND + "seeds: three\n", 'seeds: "three"', "integer"),
    "seeds a truth value": (SOUND + "seeds: true\n", "seeds: true", "integer"),
    "more seeds than fit in memory": (SOUND + "seeds: 1_000_000_000_000\n", "seeds", ""),
    "sweep not a list": (NET.format("sweep: {g: 0.5}"), "architectures[0].sweep", "lists of values"),
    "sweep of nothing": (NET.format("sweep: {g: []}"), "architectures[0].sweep", "lists of values"),
    "sweep a list": (NET.format("sweep: [0.5, 1]"), "architectures[0].sweep", "lists of values"),
    "sweep of what is given": (NET.format("g: 1, sweep: {g: [0.5]}"), "architectures[0].sweep.g", "outside the sweep"),
    "sweep of an unknown parameter": (NET.format("sweep: {gg: [1]}"), "architectures[0]", "did you mean g?"),
    "sweep beyond the range": (NET.format("sweep: {g: [1, -1]}"), "architectures[0].g: -1 is below 0", "connectivity"),
    "sweep on a task": (ONE_TASK.format("sweep: {drive: [0, 1]}"), "tasks[0].sweep", "once for each value"),
    "training of an architecture": (NET.format("training: {batch: 2}"), "architectures[0].training", "for a task"),
    "training of a task not a mapping": (ONE_TASK.format("training: 3"), "tasks[0].training: 3", "mapping"),
    "criterion of neither": (
        TRAINING.format("criterion: {}"),
        "training.criterion",
        "exactly one of loss and relative",
    ),
    "criterion of both": (
        TRAINING.format("criterion: {loss: 1, relative_loss: 0.1}"),
        "training.criterion",
        "exactly one of loss and relative_loss",
    ),
    "criterion a number": (TRAINING.format("criterion: 0.1"), "training.criterion: 0.1", "relative_loss"),
    "criterion of a task": (
        ONE_TASK.format("training: {criterion: {relative_loss: 2}}"),
        "tasks[0].training.criterion.relative_loss: 2 is not below 1",
        "fraction",
    ),
    "negative budget": (TRAINING.format("max_updates: -1"), "training.max_updates: -1 is below 0", "budget"),
    "learning rate of nothing": (TRAINING.format("learning_rate: 0"), "training.learning_rate: 0 is not above 0", ""),
    "NaN": (ONE_TASK.format("duration: .nan"), "tasks[0].duration: NaN", "finite number"),
    "infinity": (ONE_TASK.format("duration: .inf"), "tasks[0].duration: Infinity", "finite number"),
    "infinity by overflow": (RULE.format("learning_rate: 1e999"), "rules[0].learning_rate", "finite number"),
    "NaN within a list": (FLIP_FLOP.format("fixation: [.nan, 1]"), "tasks[0].fixation[0]: NaN", "finite number"),
    "NaN in a sweep": (NET.format("sweep: {g: [.nan]}"), "architectures[0].g: NaN", "finite number"),
    "a date": (ONE_TASK.format("duration: 2024-01-01"), "tasks[0].duration", ""),
    "a date that is none": (ONE_TASK.format("duration: 2024-13-45"), "", ""),
    "a set": (SOUND + "description: !!set {a, b}\n", "description", ""),
    "bytes": (SOUND + "description: !!binary aGVsbG8=\n", "description", ""),
    "a number that is none": (SOUND + "seeds: !!int abc\n", "line 3", ""),
    "a truth value that is none": (SOUND + "seeds: !!bool abc\n", "line 3", ""),
    "a timestamp that is none": (SOUND + "seeds: !!timestamp abc\n", "line 3", ""),
    "binary digits that are none": (SOUND + "seeds: 0b_\n", 'seeds: "0b_"', "integer"),
    "an octal number of YAML 1.1": (SOUND + "seeds: 010\n", 'seeds: "010"', "integer"),
    "a sexagesimal number of YAML 1.1": (
        TRAINING.format("max_updates: 1:30"),
        'training.max_updates: "1:30"',
        "integer",
    ),
    "a value twice in a sweep": (
        NET.format("sweep: {g: [0.5, 0.5]}"),
        "architectures[0].sweep.g",
        "lists a value twice",
    ),
    "a number of 5000 digits": (SOUND + f"seeds: {'9' * 5000}\n", "line 3", ""),
    "an object of Python": (SOUND + "description: !!python/object:os.system x\n", "line 3", "tag"),
    "half a character": (SOUND + f'description: "\\ud800{"a" * 1000}"\n', "", ""),
    "a key twice": (SOUND + "name: y\n", "line 1", "'name' is listed twice"),
    "a key twice within": (
        "name: x\ntasks:\n  - {use: fixed_points, drive: 0, drive: 1}\n",
        "line 3",
        "'drive' is listed twice",
    ),
    "a tab": ("name: x\n\ttasks: [fixed_points]\n", "line 2", "\\t"),
    "a bracket left open": ("name: x\ntasks: [fixed_points\n", "line 3", "']'"),
    "two documents": ("name: x\n---\nname: y\n", "line 2", "document"),
    "an alias of nothing": (SOUND + "seeds: *s\n", "line 3", "alias"),
    "an alias of itself": (SOUND + "description: &a [*a]\n", "line 3", "recursive"),
    "brackets without end": (SOUND + f"description: {'[' * 3000}{']' * 3000}\n", "", ""),
    "a control character": ("name: x\0\n", "not valid YAML", "#x0000"),
    "a list at the top": ("- name: x\n", "expected a mapping", "name, tasks"),
    "a text at the top": ("hello\n", "expected a mapping", "name, tasks"),
    "an empty file": ("", "expected a mapping", "name, tasks"),
    "nothing but a comment": ("# later\n", "expected a mapping", "name, tasks"),
    "a long value": (TRAINING.format(f"batch: {LONG}"), "training.batch", "integer"),
    "a long plugin name": (f"name: x\ntasks: [{LONG}]\n", "tasks[0]", "known are"),
    "a long label": (ONE_TASK.format(f"label: {LONG}"), "tasks[0].label", "1 to 100"),
    "a long sweep": (NET.format(f"sweep: {LONG}"), "architectures[0].sweep", "lists of values"),
    "a long list": (NET.format(f"units: [{'1, ' * 10_000}]"), "architectures[0].units", "integer"),
    "a long key": (f"{SOUND}? {LONG}\n: 1\n", "aaa", "known are"),
    "a long training": (ONE_TASK.format(f"training: {LONG}"), "tasks[0].training", "mapping"),
}


@pytest.mark.parametrize(("text", "field", "right"), WRONG.values(), ids=WRONG)
def test_an_error_is_one_line_with_file_field_and_what_would_be_right(tmp_path, text, field, right) -> None:
    message = refusal(written(tmp_path, text))
    assert field in message
    assert right in message


def test_a_file_that_is_not_utf8_is_refused(tmp_path) -> None:
    assert "UTF-8" in refusal(written(tmp_path, "name: é\n".encode("latin-1")))


def test_the_message_for_a_missing_file_suggests_a_file_of_a_similar_name(tmp_path) -> None:
    (tmp_path / "smoke.yaml").write_text(SOUND)
    assert refusal(tmp_path / "smok.yaml") == "no such file; did you mean smoke.yaml?"


def test_a_missing_file_in_a_missing_folder_is_refused(tmp_path) -> None:
    assert refusal(tmp_path / "nowhere" / "smoke.yaml") == "no such file"


def test_a_folder_is_not_a_benchmark(tmp_path) -> None:
    assert "directory" in refusal(tmp_path)


def test_a_task_may_not_set_the_learning_rate_of_a_rule_that_has_none(tmp_path, make_plugin, task_source) -> None:
    make_plugin(
        "still-rule",
        task_source(
            offers=None,
            body='''
class Still(LearningRule):
    """Nothing changes."""

    name = "still"

    def update(self, weights, gradients, state):
        return weights, state


@hookimpl
def rnnbench_rules():
    return [Still]
''',
        ),
    )
    message = refusal(written(tmp_path, ONE_TASK.format("training: {learning_rate: 1}") + "rules: [still]\n"))
    assert message == "tasks[0].training.learning_rate: rule still has no learning rate to replace"


@pytest.mark.parametrize("fault", ["1 / 0", "{}['key']", "[][0]", "raise RuntimeError('one\\ntwo')"])
def test_whatever_a_plugin_raises_while_its_parameters_are_checked_names_its_field(
    tmp_path, make_plugin, task_source, fault
) -> None:
    body = f"    def model_post_init(self, context):\n        {fault}\n"
    make_plugin("lamp-tasks", task_source("lamp", body=body))
    assert refusal(written(tmp_path, "name: x\ntasks: [lamp]\n")).startswith("tasks[0]")


def test_a_parameter_that_no_record_can_hold_names_its_plugin(tmp_path, make_plugin, task_source) -> None:
    body = "    odd: Any = Field(default_factory=object)\n"
    make_plugin("lamp-tasks", task_source("lamp", body=body))
    assert refusal(written(tmp_path, "name: x\ntasks: [lamp]\n")).startswith("tasks[0]")


def test_a_dict_is_refused_like_a_file() -> None:
    with pytest.raises(BenchmarkError, match=r"^benchmark: tasks\[0\].drive: 2 is above 1"):
        load_benchmark({"name": "x", "tasks": [{"use": "fixed_points", "drive": 2}]})


# --- what is right


def resolved(tmp_path: Path, text: str) -> Benchmark:
    return load_benchmark(written(tmp_path, text))


def test_a_power_of_ten_is_a_number_without_a_dot(tmp_path) -> None:
    (rule,) = resolved(tmp_path, RULE.format("learning_rate: 2e-4")).rules
    assert rule.parameters["learning_rate"] == 2e-4


def test_defaults_are_filled_in(tmp_path) -> None:
    b = resolved(tmp_path, SOUND)
    assert [a.plugin for a in b.architectures] == ["vanilla_rnn@1"]
    assert [r.plugin for r in b.rules] == ["gradient_descent@1"]
    assert b.seeds == (0, 1, 2)
    assert b.tasks[0].parameters["duration"] == 20
    assert b.tasks[0].training.max_updates == 2000
    assert b.architectures[0].parameters["units"] == 256


def test_plugins_are_resolved_to_ids(tmp_path, make_plugin, task_source) -> None:
    for version in (1, 2):
        make_plugin(f"lamp{version}", task_source("lamp", version))
    b = resolved(tmp_path, "name: x\ntasks: [lamp, {use: lamp@1, label: old}]\n")
    assert [(t.label, t.plugin) for t in b.tasks] == [("lamp", "lamp@2"), ("old", "lamp@1")]


def test_a_sweep_gives_an_architecture_for_each_value(tmp_path) -> None:
    b = resolved(tmp_path, NET.format("units: 8, sweep: {g: [0.3, 0.9, 1.5]}"))
    assert [a.parameters["g"] for a in b.architectures] == [0.3, 0.9, 1.5]
    assert {a.parameters["units"] for a in b.architectures} == {8}
    assert {a.label for a in b.architectures} == {"vanilla_rnn"}


def test_a_sweep_of_two_parameters_gives_every_combination(tmp_path) -> None:
    b = resolved(tmp_path, NET.format("sweep: {g: [0.3, 0.9], learn: [recurrent, all]}"))
    assert len({(a.parameters["g"], a.parameters["learn"]) for a in b.architectures}) == 4
    assert {a.label for a in b.architectures} == {"vanilla_rnn[learn=recurrent]", "vanilla_rnn[learn=all]"}


def test_a_number_of_seeds_means_the_first_ones(tmp_path) -> None:
    assert resolved(tmp_path, SOUND + "seeds: 3\n").seeds == (0, 1, 2)
    assert resolved(tmp_path, SOUND + "seeds: [7, 3]\n").seeds == (7, 3)


def test_training_of_a_task_overrides_the_general_one_field_by_field(tmp_path) -> None:
    b = resolved(
        tmp_path,
        "name: x\n"
        "tasks: [fixed_points, {use: flip_flop, training: {batch: 4, criterion: {loss: 0.1}, learning_rate: 0.5}}]\n"
        "training: {batch: 16, max_updates: 7, criterion: {relative_loss: 0.2}}\n",
    )
    general, own = (t.training for t in b.tasks)
    assert (general.batch, general.max_updates, general.criterion.relative_loss) == (16, 7, 0.2)
    assert (own.batch, own.max_updates) == (4, 7)
    assert (own.criterion.loss, own.criterion.relative_loss) == (0.1, None)
    assert b.rules[0].on(own).parameters["learning_rate"] == 0.5
    assert b.rules[0].on(general) == b.rules[0]


def test_anchors_and_aliases_work(tmp_path) -> None:
    b = resolved(
        tmp_path,
        "name: x\ntasks:\n"
        "  - {use: fixed_points, duration: &long 30, loss_start: 3}\n"
        "  - {use: fixed_points, label: other, duration: *long, loss_start: 4}\n",
    )
    assert [t.parameters["duration"] for t in b.tasks] == [30, 30]


def test_a_merged_mapping_may_be_overridden(tmp_path) -> None:
    b = resolved(
        tmp_path,
        "name: x\ntasks:\n"
        "  - &base {use: fixed_points, duration: 6, loss_start: 3}\n"
        "  - {<<: *base, label: other, duration: 8}\n",
    )
    assert [t.parameters["duration"] for t in b.tasks] == [6, 8]
    assert [t.parameters["loss_start"] for t in b.tasks] == [3, 3]


def test_text_beyond_ascii_and_a_byte_order_mark_are_fine(tmp_path) -> None:
    b = resolved(tmp_path, "\ufeff" + ONE_TASK.format("label: σ → τ") + "description: Größe\n")
    assert (b.tasks[0].label, b.description) == ("σ → τ", "Größe")


def test_the_layout_of_channels_may_be_one_word(tmp_path) -> None:
    assert resolved(tmp_path, SOUND + "channels: shared\n") == resolved(
        tmp_path, SOUND + "channels: {layout: shared}\n"
    )


def test_the_description_is_not_changed_by_reading_it() -> None:
    content = {"name": "x", "tasks": [{"use": "fixed_points", "label": "a", "training": {"batch": 2}}]}
    before = copy.deepcopy(content)
    load_benchmark(content)
    assert content == before


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parents[2] / "benchmarks").glob("**/*.yaml")), ids=lambda p: p.stem
)
def test_every_benchmark_of_the_repository_is_valid(file) -> None:
    if file.stem == "neurogym":
        pytest.importorskip("neurogym", reason="rnnbench-neurogym has an environment of its own")
    b = load_benchmark(file)
    assert all("@" in spec.plugin for spec in (*b.tasks, *b.architectures, *b.rules))


def test_a_resolved_benchmark_round_trips_through_json(tmp_path) -> None:
    b = resolved(
        tmp_path,
        NET.format("sweep: {g: [0.3, 0.1]}") + "channels: {input_correlation: 0.3}\ndtype: float64\nseeds: [5]\n",
    )
    again = Benchmark.model_validate_json(b.model_dump_json())
    assert again == b
    assert json.loads(again.model_dump_json()) == json.loads(b.model_dump_json())


# --- anything at all

# Numbers between these are left out, because as a number of seeds they are allowed but take too long.
numbers = st.integers(-1000, 1000) | st.integers(10**15, 10**30) | st.floats()
scalars = st.none() | st.booleans() | numbers | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [
    *[(name,) for name in ("name", "description", "seeds", "protocol", "dtype", "channels", "training")],
    *[(name,) for name in ("tasks", "architectures", "rules")],
    *[("tasks", 0, name) for name in ("use", "label", "training", "sweep", "duration", "channels", "pulse", "drive")],
    *[("tasks", 1, name) for name in ("fixation", "pulse_interval", "nonsense")],
    *[("architectures", 0, name) for name in ("use", "label", "sweep", "training", "units", "g", "bias", "learn")],
    *[("rules", 0, name) for name in ("use", "label", "sweep", "learning_rate", "optimizer")],
    *[("training", name) for name in ("batch", "criterion", "learning_rate", "max_updates")],
    ("tasks", 0),
    ("architectures", 0),
    ("nonsense",),
]


CONTENT: dict[str, Any] = {
    "name": "x",
    "tasks": [{"use": "fixed_points", "duration": 6, "loss_start": 3}, {"use": "flip_flop", "channels": 2}],
    "architectures": [{"use": "vanilla_rnn", "units": 8}],
    "rules": [{"use": "gradient_descent"}],
    "training": {},
}


def changed(*path: str | int, value: Any) -> dict[str, Any]:
    """CONTENT with one value set."""
    content = copy.deepcopy(CONTENT)
    inner: Any = content
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return content


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(FIELDS), anything)
def test_any_value_anywhere_is_either_right_or_a_benchmark_error_of_one_line(path, value) -> None:
    try:
        assert isinstance(load_benchmark(changed(*path, value=value)), Benchmark)
    except BenchmarkError as error:
        assert len(str(error).splitlines()) == 1


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(sweep=st.dictionaries(st.sampled_from(["g", "units", "bias", "learn", "x"]), st.lists(scalars, max_size=2)))
def test_any_sweep_is_either_right_or_a_benchmark_error_of_one_line(sweep) -> None:
    try:
        load_benchmark(changed("architectures", 0, value={"use": "vanilla_rnn", "sweep": sweep}))
    except BenchmarkError as error:
        assert len(str(error).splitlines()) == 1


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?=~0x.\t\n \\<1", max_size=40))
def test_any_text_is_either_right_or_a_benchmark_error_of_one_line(tmp_path_factory, text) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, newline="")
    with pytest.raises(BenchmarkError) as caught:  # no text of this alphabet is a valid benchmark
        load_benchmark(path)
    assert len(str(caught.value).splitlines()) == 1
