"""Installed plugins are found. A broken plugin is reported with its reason and does not affect the others."""

from __future__ import annotations

import pytest

from rnnbench.errors import BenchmarkError, PluginError
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.description import describe
from rnnbench.plugin.registry import Registry, installed

BUILT_IN = {("architecture", "vanilla_rnn@1"), ("rule", "gradient_descent@1")}


def reasons(registry: Registry, package: str) -> list[str]:
    return [broken.reason for broken in registry.broken if broken.package == package]


@pytest.fixture
def with_neighbour(make_plugin, task_source):
    """Installs a package between two correct ones, which offer the tasks `lantern` and `lamp`; returns the registry."""

    def install(source: str) -> Registry:
        make_plugin("aaa-first", task_source("lantern"))
        make_plugin("broken-one", source)
        make_plugin("zzz-last", task_source("lamp"))
        return installed()

    return install


def test_a_plugin_is_found_with_its_package_and_version(make_plugin, task_source) -> None:
    make_plugin("lamp-tasks", task_source("lamp", 3), version="2.5")
    found = installed().find("task", "lamp")
    assert (found.id, found.package, found.package_version) == ("lamp@3", "lamp-tasks", "2.5")


def test_built_ins_are_found_in_the_same_way_as_other_packages(make_plugin, task_source) -> None:
    make_plugin("lamp-tasks", task_source("lamp"))
    found = installed().found
    assert BUILT_IN | {("task", "lamp@1")} <= set(found)
    assert {found[key].package for key in BUILT_IN} == {"rnnbench"}


def test_plugins_of_a_package_that_is_not_installed_are_unknown() -> None:
    with pytest.raises(PluginError, match="unknown task 'lamp'"):
        installed().find("task", "lamp")


SECOND = '''
class Second(Lamp):
    """Another."""
    {line}
'''
BOTH = "[Second, Lamp]"


def second(task_source, line: str, name: str | None = "second") -> str:
    """A package of two tasks: `candle`, which is correct, and one with `line` in its class."""
    lines = f"name = {name!r}\n    {line}" if name is not None else line
    return task_source("candle", body=SECOND.format(line=lines), offers=BOTH)


WHOLE_PACKAGE = {
    "ImportError at import": ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
    "SyntaxError": ("def (", "SyntaxError"),
    "SystemExit at import": ("raise SystemExit('no licence')", "SystemExit: no licence"),
    "exception of several lines": ("raise ValueError('one\\ntwo')", "ValueError: one two"),
    "no hook": ("x = 1", "implements no hook; the hooks are rnnbench_tasks"),
    "misspelled hook": (
        "from rnnbench import hookimpl\n@hookimpl\ndef rnnbench_task():\n    return []",
        "unknown hook 'rnnbench_task'",
    ),
    "hook with an argument": (
        "from rnnbench import hookimpl\n@hookimpl\ndef rnnbench_tasks(config):\n    return []",
        "config",
    ),
    "hook that raises": (
        "from rnnbench import hookimpl\n@hookimpl\ndef rnnbench_tasks():\n    return {}['key']",
        "KeyError: 'key'",
    ),
    "hook that exits": (
        "from rnnbench import hookimpl\n@hookimpl\ndef rnnbench_tasks():\n    raise SystemExit(3)",
        "SystemExit: 3",
    ),
    "hook that returns a class": (
        "from rnnbench import Task, hookimpl\n@hookimpl\ndef rnnbench_tasks():\n    return Task",
        "expected a list of classes",
    ),
    "hook that returns nothing": (
        "from rnnbench import hookimpl\n@hookimpl\ndef rnnbench_tasks():\n    pass",
        "returns None; expected a list of classes",
    ),
    "hook that returns an array": (
        "import numpy as np\nfrom rnnbench import hookimpl\n@hookimpl\ndef rnnbench_tasks():\n    return np.eye(3)",
        "expected a list of classes",
    ),
}


@pytest.mark.parametrize(("source", "reason"), WHOLE_PACKAGE.values(), ids=WHOLE_PACKAGE)
def test_a_broken_package_is_left_out_with_its_reason_and_the_others_work(with_neighbour, source, reason) -> None:
    registry = with_neighbour(source)
    (message,) = reasons(registry, "broken-one")
    assert reason in message
    assert "\n" not in message
    assert BUILT_IN | {("task", "lamp@1"), ("task", "lantern@1")} <= set(registry.found)


ONE_CLASS = {
    "name missing": ("name = None", None, "Second.name is None"),
    "name with capitals": ("name = 'Second'", None, "Second.name is 'Second'"),
    "name with a space": ("name = 'se cond'", None, "Second.name is 'se cond'"),
    "name with an at sign": ("name = 'second@1'", None, "Second.name is 'second@1'"),
    "name with a line break": ("name = 'second\\n'", None, "Second.name is 'second\\n'"),
    "name not a text": ("name = 7", None, "Second.name is 7"),
    "version a text": ("version = '1'", "second", "Second.version is '1'"),
    "version zero": ("version = 0", "second", "Second.version is 0"),
    "version a fraction": ("version = 1.5", "second", "Second.version is 1.5"),
    "version a truth value": ("version = True", "second", "Second.version is True"),
    "parameter called use": ("use: int = 1", "second", "parameter 'use'"),
    "parameter called label": ("label: str = ''", "second", "parameter 'label'"),
    "parameter called sweep": ("sweep: int = 1", "second", "parameter 'sweep'"),
    "parameter called training": ("training: int = 1", "second", "parameter 'training'"),
    "parameter of an unknown type": ("odd: 'Nowhere' = 1", "second", "Nowhere"),
}


@pytest.mark.parametrize(("line", "name", "reason"), ONE_CLASS.values(), ids=ONE_CLASS)
def test_a_wrong_class_is_left_out_with_its_reason_and_the_rest_of_its_package_works(
    with_neighbour, task_source, line, name, reason
) -> None:
    registry = with_neighbour(second(task_source, line, name))
    (message,) = reasons(registry, "broken-one")
    assert reason in message
    assert "Second" in message
    assert "\n" not in message
    assert {i for kind, i in registry.found if kind == "task"} >= {"candle@1", "lamp@1", "lantern@1"}
    assert not [i for _, i in registry.found if i.startswith("second")]


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ("int", "<class 'int'> is not a subclass of rnnbench.Task"),
        ("Lamp()", "is not a subclass of rnnbench.Task"),
        ("'Lamp'", "'Lamp' is not a subclass of rnnbench.Task"),
        ("Architecture", "is not a subclass of rnnbench.Task"),
        ("Task", "Task does not define n_inputs, n_outputs, sample"),
        ("type('Dark', (Task,), {{}})", "Dark does not define n_inputs, n_outputs, sample"),
        ("np.eye(3)", "is not a subclass of rnnbench.Task"),
    ],
)
def test_an_offer_that_is_not_a_task_is_left_out(with_neighbour, task_source, offer, reason) -> None:
    registry = with_neighbour(task_source("candle", offers=f"[{offer}, Lamp]"))
    (message,) = reasons(registry, "broken-one")
    assert reason in message
    assert "\n" not in message
    assert ("task", "candle@1") in registry.found


def test_a_class_without_json_schema_does_not_stop_the_description_of_the_others(with_neighbour, task_source) -> None:
    body = "from collections.abc import Callable\n" + SECOND.format(
        line="name = 'second'\n    odd: Callable[[int], int] = abs"
    )
    registry = with_neighbour(task_source("candle", body=body, offers=BOTH))
    assert {describe(i, registry).found.id for _, i in registry.found} == {i for _, i in registry.found}


def test_a_broken_package_is_fatal_only_where_a_benchmark_names_it(make_plugin, task_source) -> None:
    make_plugin("broken-one", "import nowhere_to_be_found")
    make_plugin("lamp-tasks", task_source("lamp"))
    assert load_benchmark({"name": "x", "tasks": ["lamp"]}).tasks[0].plugin == "lamp@1"
    with pytest.raises(BenchmarkError, match=r"unknown task 'torch_light'.*broken-one: .*nowhere_to_be_found"):
        load_benchmark({"name": "x", "tasks": ["torch_light"]})


def test_an_id_that_two_packages_offer_is_unusable_and_both_are_named(make_plugin, task_source) -> None:
    more = SECOND.format(line="name = {!r}")
    make_plugin("left", task_source("lamp", body=more.format("left_only"), offers=BOTH))
    make_plugin("right", task_source("lamp", body=more.format("right_only"), offers=BOTH))
    registry = installed()
    for name in ("lamp", "lamp@1"):
        with pytest.raises(PluginError, match=r"lamp@1 is offered by left and right"):
            registry.find("task", name)
    assert registry.find("task", "left_only").package == "left"
    assert registry.find("task", "right_only").package == "right"
    assert any("lamp@1" in broken.reason for broken in registry.broken)


def test_every_package_that_offers_a_contested_id_is_named(make_plugin, task_source) -> None:
    for package in ("centre", "left", "right"):
        make_plugin(package, task_source("lamp"))
    with pytest.raises(PluginError, match=r"offered by centre and left and right; remove all but one"):
        installed().find("task", "lamp")


def test_a_benchmark_that_names_a_contested_id_is_refused_in_one_line(make_plugin, task_source) -> None:
    make_plugin("left", task_source("lamp"))
    make_plugin("right", task_source("lamp"))
    with pytest.raises(BenchmarkError, match=r"^benchmark: tasks\[1\]: .*left and right"):
        load_benchmark({"name": "x", "tasks": ["fixed_points", "lamp"]})


def test_a_contested_newest_version_is_not_replaced_by_an_older_one(make_plugin, task_source) -> None:
    make_plugin("old", task_source("lamp", 1))
    make_plugin("left", task_source("lamp", 2))
    make_plugin("right", task_source("lamp", 2))
    assert installed().find("task", "lamp@1").package == "old"
    with pytest.raises(PluginError, match="left and right"):
        installed().find("task", "lamp")


def test_the_same_name_in_two_kinds_is_no_conflict(make_plugin, task_source) -> None:
    make_plugin("lamp-tasks", task_source("vanilla_rnn"))
    assert installed().find("task", "vanilla_rnn").package == "lamp-tasks"
    assert installed().find("architecture", "vanilla_rnn").package == "rnnbench"


def test_two_packages_with_the_same_entry_point_name_both_work(make_plugin, task_source) -> None:
    make_plugin("left", task_source("lamp"), entry_point="tasks")
    make_plugin("right", task_source("candle"), entry_point="tasks")
    assert {installed().find("task", name).package for name in ("lamp", "candle")} == {"left", "right"}


def test_a_name_alone_means_the_newest_version_and_an_id_exactly_that(make_plugin, task_source) -> None:
    # 10 is newer than 9, although it sorts before 9 as text.
    for version in (1, 9, 10):
        make_plugin(f"lamp{version}", task_source("lamp", version))
    registry = installed()
    assert registry.find("task", "lamp").id == "lamp@10"
    assert registry.find("task", "lamp@9").id == "lamp@9"
    assert registry.find("task", "lamp@1").package == "lamp1"


def test_an_unknown_version_is_answered_with_those_that_exist(make_plugin, task_source) -> None:
    for version in (1, 2):
        make_plugin(f"lamp{version}", task_source("lamp", version))
    with pytest.raises(PluginError, match=r"unknown task 'lamp@9'; installed versions: lamp@1, lamp@2"):
        installed().find("task", "lamp@9")


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("task", "flipflop", "did you mean flip_flop"),
        ("task", "fixed_point@1", "did you mean fixed_points"),
        ("architecture", "vanila_rnn", "did you mean vanilla_rnn"),
        ("rule", "gradient_decent", "did you mean gradient_descent"),
        ("rule", "zzzzzz", "known are a_gem"),
        ("task", "", "known are "),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(kind, name, hint) -> None:
    with pytest.raises(PluginError) as caught:
        installed().find(kind, name)
    assert hint in str(caught.value)
    assert kind in str(caught.value)


def test_an_empty_registry_says_that_nothing_is_installed() -> None:
    with pytest.raises(PluginError, match="no package with a task is installed"):
        Registry().find("task", "lamp")


def test_build_gives_the_plugin_with_its_parameters(make_plugin, task_source) -> None:
    make_plugin("lamp-tasks", task_source("lamp"))
    assert installed().build("task", "lamp@1", {"level": 0.5}).level == 0.5
