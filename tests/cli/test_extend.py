"""`rnnbench extend` adds tasks to finished results and computes only what is new."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import rnnbench
from rnnbench.cli import main

CONTENT = {
    "name": "grown",
    "tasks": [
        {"use": "fixed_points", "duration": 6, "loss_start": 3},
        {"use": "flip_flop", "channels": 2, "duration": 8},
    ],
    "architectures": [{"use": "vanilla_rnn", "units": 12, "learn": "all", "sweep": {"g": [0.5, 1.0]}}],
    "rules": [{"use": "gradient_descent", "learning_rate": 3e-3}],
    "seeds": 2,
    "training": {"batch": 4, "max_updates": 20, "evaluate_every": 10, "evaluation_trials": 8},
}
NEW = "{use: fixed_points, label: third, duration: 5, loss_start: 2}"
PAIRS = 2 * 2 + 1
"""Pairs with a third task, for each g and seed."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    return rnnbench.run(CONTENT, results=tmp_path_factory.mktemp("finished"), workers=1, figures=False).folder


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "grown"))


def command(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["rnnbench", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main() or 0)
    return int(ended.value.code or 0)


def rows(folder: Path) -> list[str]:
    return (folder / "interference.csv").read_text().splitlines()


def test_only_pairs_with_the_new_task_are_computed_and_all_other_rows_stay(folder, monkeypatch, capsys):
    before = rows(folder)
    assert command(monkeypatch, "extend", folder, NEW, "--workers", 1) == 0
    out = capsys.readouterr().out
    after = rows(folder)
    assert set(before) <= set(after) and len(after) == len(before) + 4 * PAIRS
    assert f"{4 * (PAIRS + 1)} of {4 * (PAIRS + 1)} cells computed" in out  # and a first stage for each g and seed
    assert "adds third: 24 cells stay and 24 are new" in " ".join(out.split())
    assert [task.label for task in rnnbench.load_results(folder).benchmark.tasks][-1] == "third"


def test_an_archive_with_the_weights_of_first_tasks_can_be_extended(folder, tmp_path, monkeypatch, capsys):
    archive, before = tmp_path / "grown.zip", rows(folder)
    assert command(monkeypatch, "export", folder, archive, "--weights", "first-tasks", "--licence", "CC0-1.0") == 0
    assert command(monkeypatch, "extend", archive, NEW, "--results", tmp_path / "there", "--workers", 1) == 0
    assert f"{4 * (PAIRS + 1)} of {4 * (PAIRS + 1)} cells computed" in capsys.readouterr().out
    assert set(before) <= set(rows(tmp_path / "there" / "grown"))
    assert command(monkeypatch, "extend", archive, NEW, "--results", tmp_path / "there", "--dry-run") == 2
    assert "already exists and is not replaced; choose another name with --name" in capsys.readouterr().err
    again = ("extend", archive, NEW, "--results", tmp_path / "there", "--name", "again", "--dry-run")
    assert command(monkeypatch, *again) == 0


def test_without_weights_the_first_tasks_are_trained_again_and_give_the_same_rows(folder, tmp_path, monkeypatch):
    archive, before = tmp_path / "grown.zip", rows(folder)
    assert command(monkeypatch, "export", folder, archive, "--licence", "CC0-1.0") == 0
    assert command(monkeypatch, "extend", archive, NEW, "--results", tmp_path / "there", "--workers", 1) == 0
    assert set(before) <= set(rows(tmp_path / "there" / "grown"))


def test_a_dry_run_changes_nothing(folder, monkeypatch, capsys):
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert command(monkeypatch, "extend", folder, NEW, "--dry-run") == 0
    assert "adds third" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files


def test_where_all_cells_depend_on_all_tasks_the_plan_says_so_and_why(tmp_path, monkeypatch, capsys):
    content = CONTENT | {"name": "held", "channels": {"idle_outputs": "zero"}}
    folder = rnnbench.run(content, results=tmp_path, workers=1, figures=False).folder
    assert command(monkeypatch, "extend", folder, NEW, "--dry-run") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "adds third: 0 cells stay and 48 are new, because every network has the outputs of all tasks" in out


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("flip_flop", "flip_flop: the benchmark has a task of this name; give the new one a label"),
        ("flip_flopp", "did you mean flip_flop"),
        ("{use: flip_flop, channels: 0, label: x}", "channels"),
        ("[1, 2]", "is not a task"),
        ("{use: ", "cannot be read as a value"),
    ],
)
def test_a_wrong_task_is_one_line_and_leaves_the_results_alone(folder, monkeypatch, capsys, task, message):
    before = rows(folder)
    assert command(monkeypatch, "extend", folder, task) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert rows(folder) == before


def test_the_results_of_sequences_and_a_missing_folder_are_refused(tmp_path, monkeypatch, capsys):
    content = CONTENT | {"name": "line", "protocol": [["fixed_points", "flip_flop"]]}
    folder = rnnbench.run(content, results=tmp_path, workers=1, figures=False).folder
    assert command(monkeypatch, "extend", folder, NEW) == 2
    assert "trains sequences" in capsys.readouterr().err
    assert command(monkeypatch, "extend", tmp_path / "nowhere", NEW) == 2
    assert "missing or unreadable" in capsys.readouterr().err
