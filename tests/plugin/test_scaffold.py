"""A new plugin package works at once, is short, and overwrites nothing."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from rnnbench.errors import RnnbenchError
from rnnbench.plugin.registry import BASES, installed
from rnnbench.plugin.scaffold import new_package, rendered
from rnnbench.testing import verdicts

EXAMPLE = Path(__file__).parents[2] / "plugins" / "example-lab-task"


def code_lines(text: str) -> int:
    """Number of lines with code, that is, not empty and neither comments nor docstrings."""
    documentation = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            first = node.body[0]
            documentation |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and n not in documentation for n, line in lines)


@pytest.mark.parametrize("kind", BASES)
def test_what_is_written_passes_its_own_conformance_tests(kind, tmp_path, monkeypatch):
    folder = new_package(kind, f"lab-{kind}", tmp_path, installed())
    assert {path.name for path in folder.iterdir()} == {
        *("pyproject.toml", "README.md", "try.yaml"),
        *(f"lab_{kind}.py", f"test_lab_{kind}.py"),
    }
    monkeypatch.syspath_prepend(folder)
    module = __import__(f"lab_{kind}")
    (cls,) = next(getattr(module, name) for name in dir(module) if name.startswith("rnnbench_"))()
    assert cls.name == f"lab_{kind}"
    assert [v for v in verdicts(cls()) if v.outcome == "failed"] == []
    sys.modules.pop(f"lab_{kind}")


def test_a_task_is_at_most_25_lines_of_code():
    assert code_lines(rendered("task", "my_thing", "my_thing_task")["my_thing_task.py"]) <= 25


def test_its_benchmark_runs_once_it_is_installed(make_plugin, cli, tmp_path):
    files = rendered("task", "lamp_delay", "lamp_delay_task")
    make_plugin("lamp-delay-task", files["lamp_delay_task.py"])
    text = files["try.yaml"].replace("max_updates: 300", "max_updates: 4").replace("seeds: 3", "seeds: 1")
    (tmp_path / "try.yaml").write_text(text)
    ran = cli("run", "try.yaml", "--workers", "1")
    assert ran.code == 0, ran.err
    assert "lamp delay" in ran.out
    checked = cli("check", "lamp_delay")
    assert checked.code == 0 and "lamp_delay@1: all passed" in checked.out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flip-flop", "a task called flip_flop is already installed"),
        ("My Task", "is not a valid name; expected lower-case words such as my-task"),
        ("../x", "is not a valid name"),
        ("class", "is not a valid name"),
        ("x" * 61, "is not a valid name"),
    ],
)
def test_a_name_that_is_not_valid_is_refused_in_one_line(name, message, cli, tmp_path):
    ran = cli("new", "task", name)
    assert ran.code == 2 and message in ran.err and ran.err.count("\n") == 1
    assert not list(tmp_path.glob("*-task"))


def test_an_existing_folder_is_not_changed(tmp_path):
    folder = new_package("task", "blinker", tmp_path, installed())
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(RnnbenchError, match="blinker-task: already exists; nothing was written"):
        new_package("task", "blinker", tmp_path, installed())
    assert (folder / "mine.txt").read_text() == "mine"


def test_the_example_is_what_the_command_writes_filled_in():
    """All files are as the command writes them, except for the task's class, which has the same methods."""
    for path, text in rendered("task", "example_lab", "example_lab_task").items():
        own = (EXAMPLE / path).read_text()
        if path == "example_lab_task.py":
            parts = [
                [n.name for n in ast.walk(ast.parse(t)) if isinstance(n, ast.ClassDef | ast.FunctionDef)]
                for t in (text, own)
            ]
            assert set(parts[0]) <= set(parts[1]) and own.endswith(text[text.index("@hookimpl") :])
            assert code_lines(own) <= 35
        elif path in ("pyproject.toml", "test_example_lab_task.py"):
            assert own == text
        else:
            assert own.startswith(text)


def test_the_readme_shows_the_task_that_is_written():
    page = (EXAMPLE.parents[1] / "README.md").read_text()
    written = rendered("task", "my_task", "my_task")["my_task.py"]
    task = written[written.index("class MyTask") : written.index("@hookimpl")].strip()
    assert task in page


def test_a_plugin_of_a_broken_package_is_reported_with_the_reason(cli, make_plugin, task_source):
    make_plugin("lamp-tasks", task_source("lamp").replace("def sample", "def smaple"))
    for command in ("check", "describe"):
        ran = cli(command, "lamp")
        assert ran.code == 2 and ran.err.count("\n") == 1
        assert "(not loaded: lamp-tasks: Lamp does not define sample)" in ran.err
