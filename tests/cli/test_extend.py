"""`rnnbench extend` adds tasks to finished results and computes only what is new."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import rnnbench
from rnnbench.benchmark.schema import digest
from rnnbench.cli import main, run_display
from rnnbench.cli.run_display import LiveDisplay
from rnnbench.errors import BenchmarkError
from rnnbench.execution import outputs
from rnnbench.loading.extension import extended
from rnnbench.plugin.executor import Report
from rnnbench.plugin.registry import installed
from rnnbench.results.document import benchmark_of

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


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
    again = ("extend", archive, NEW, "--results", tmp_path / "there", "--name", "again", "--dry-run")
    assert command(monkeypatch, *again) == 0


def test_without_weights_the_first_tasks_are_trained_again_and_give_the_same_rows(folder, tmp_path, monkeypatch):
    archive, before = tmp_path / "grown.zip", rows(folder)
    assert command(monkeypatch, "export", folder, archive, "--licence", "CC0-1.0") == 0
    assert command(monkeypatch, "extend", archive, NEW, "--results", tmp_path / "there", "--workers", 1) == 0
    assert set(before) <= set(rows(tmp_path / "there" / "grown"))


class Interrupted(LiveDisplay):
    """Presses Ctrl-C when the first cells of a run are finished."""

    def heard(self, report: Report) -> None:
        super().heard(report)
        if report.finished:
            raise KeyboardInterrupt


def interrupted(monkeypatch, *arguments: object) -> int:
    with monkeypatch.context() as during:
        during.setattr(run_display, "LiveDisplay", Interrupted)
        return command(monkeypatch, *arguments, "--workers", 1)


@pytest.fixture(scope="module")
def grown(finished, tmp_path_factory) -> list[str]:
    """The rows of the extended results."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("extended") / "grown")
    tasks = [*CONTENT["tasks"], {"use": "fixed_points", "label": "third", "duration": 5, "loss_start": 2}]
    rnnbench.run(CONTENT | {"tasks": tasks}, results=folder.parent, workers=1, figures=False)
    return sorted(rows(folder))


def test_an_interrupted_extension_is_continued_by_the_same_command(folder, grown, monkeypatch, capsys):
    assert interrupted(monkeypatch, "extend", folder, NEW) == 130
    assert "run the same command again" in capsys.readouterr().err
    assert command(monkeypatch, "extend", folder, NEW, "--workers", 1) == 0
    assert "the results have these tasks already; 22 missing cells are to be computed" in capsys.readouterr().out
    assert sorted(rows(folder)) == grown
    assert command(monkeypatch, "extend", folder, NEW, "--no-figures") == 0
    out = capsys.readouterr().out
    assert "the results have these tasks already; nothing is to be computed" in out and "cells computed" not in out
    assert sorted(rows(folder)) == grown


def test_a_killed_extension_of_an_archive_is_continued_by_the_same_command(
    folder, grown, tmp_path, monkeypatch, capsys
):
    archive, home = tmp_path / "grown.zip", tmp_path / "there"
    assert command(monkeypatch, "export", folder, archive, "--weights", "first-tasks") == 0
    again = ("extend", archive, NEW, "--results", home)
    assert interrupted(monkeypatch, *again) == 130
    assert command(monkeypatch, *again, "--dry-run") == 0
    assert command(monkeypatch, *again, "--workers", 1) == 0
    assert sorted(rows(home / "grown")) == grown
    assert command(monkeypatch, *again, "--no-figures") == 0
    assert "nothing is to be computed" in capsys.readouterr().out


def test_a_process_killed_at_any_moment_leaves_a_description_to_go_on_from(folder, grown, monkeypatch):
    """Between the old files and the new description nothing is missing that the same command needs."""
    for step in (outputs.rename, outputs.write_bytes, outputs.write_text):
        with monkeypatch.context() as during:
            during.setattr(outputs, step.__name__, lambda *args, **kw: (_ for _ in ()).throw(KeyboardInterrupt))
            assert command(monkeypatch, "extend", folder, NEW, "--workers", 1) == 130
        assert command(monkeypatch, "extend", folder, NEW, "--dry-run") == 0
    assert command(monkeypatch, "extend", folder, NEW, "--workers", 1) == 0
    assert sorted(rows(folder)) == grown


def test_an_import_that_was_not_extended_yet_is_extended(folder, grown, tmp_path, monkeypatch):
    archive, home = tmp_path / "grown.zip", tmp_path / "there"
    assert command(monkeypatch, "export", folder, archive, "--weights", "first-tasks") == 0
    assert command(monkeypatch, "import", archive, "--results", home, "--name", "theirs") == 0
    again = ("extend", archive, NEW, "--results", home, "--name", "theirs", "--workers", 1)
    assert command(monkeypatch, *again) == 0
    assert sorted(rows(home / "theirs")) == grown


def test_a_folder_with_other_results_is_not_taken_for_the_import(folder, tmp_path, monkeypatch, capsys):
    """Its tasks differ, or its description is the same and its numbers differ: both are the results of someone else."""
    archive, home = tmp_path / "grown.zip", tmp_path / "there"
    assert command(monkeypatch, "export", folder, archive) == 0
    for content in (CONTENT | {"seeds": 3}, CONTENT | {"tasks": CONTENT["tasks"][:1]}):
        rnnbench.run(content, results=home, workers=1, figures=False)
        before = files(home)
        assert command(monkeypatch, "extend", archive, NEW, "--results", home) == 2
        assert "already exists and is not replaced; choose another name with --name" in capsys.readouterr().err
        assert files(home) == before
        shutil.rmtree(home)
    home.mkdir()
    shutil.copytree(folder, home / "grown")
    path = next((home / "grown").glob("cells/*/*.json"))
    record = json.loads(path.read_bytes())
    record["result"]["updates"] += 1
    record["checksum"] = digest({"description": record["description"], "result": record["result"]})
    path.write_text(json.dumps(record))
    assert command(monkeypatch, "extend", archive, NEW, "--results", home) == 2
    assert "already exists and is not replaced" in capsys.readouterr().err


def test_a_wrong_task_is_found_before_an_archive_is_unpacked(folder, tmp_path, monkeypatch, capsys):
    archive, home = tmp_path / "grown.zip", tmp_path / "there"
    assert command(monkeypatch, "export", folder, archive) == 0
    assert command(monkeypatch, "extend", archive, "no_such_task", "--results", home) == 2
    error = capsys.readouterr().err
    assert "no_such_task" in error and error.count("\n") == 1
    assert not home.exists()


def test_a_dry_run_with_an_archive_leaves_nothing_behind(folder, tmp_path, monkeypatch, capsys):
    archive, home = tmp_path / "grown.zip", Path("there")
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "export", folder, archive) == 0
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    capsys.readouterr()
    assert command(monkeypatch, "extend", archive, NEW, "--results", home, "--dry-run") == 0
    out = "".join(capsys.readouterr().out.split())
    assert "addsthird:24cellsstayand24arenew" in out and "networksatthefirsttaskmustbetrainedagain" in out
    assert "resultsthere/grown" in out and "temporary" not in out
    assert not home.exists() and not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("option", ["--name", "--results"])
def test_options_for_archives_are_refused_for_a_folder(folder, monkeypatch, capsys, option):
    assert command(monkeypatch, "extend", folder, NEW, option, "other") == 2
    error = capsys.readouterr().err
    assert f"error: {option}: is for archives; {folder} is a folder" in error and error.count("\n") == 1


def test_tables_without_cells_are_not_extended(folder, tmp_path, monkeypatch, capsys):
    """All networks would be trained anew, and every row of the table would be replaced."""
    shutil.rmtree(folder / "cells")
    assert command(monkeypatch, "export", folder, tmp_path / "grown.zip") == 0
    before = files(folder)
    for results in (folder, tmp_path / "grown.zip"):
        assert command(monkeypatch, "extend", results, NEW) == 2
        error = capsys.readouterr().err
        assert f"{results}: holds tables only: without the cells no task can be added" in error
    assert files(folder) == before


def test_a_folder_is_extended_where_it_is_also_from_within_and_through_a_link(folder, grown, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    assert command(monkeypatch, "extend", ".", NEW, "--workers", 1, "--no-figures") == 0
    assert sorted(rows(folder)) == grown
    (tmp_path / "link").symlink_to(folder)
    assert command(monkeypatch, "extend", tmp_path / "link", NEW, "--workers", 1, "--no-figures") == 0
    assert sorted(rows(folder)) == grown
    assert {path.name for path in tmp_path.iterdir()} == {"grown", "link"}


TRAINED = "{use: fixed_points, label: short, duration: 5, loss_start: 2, training: {max_updates: 10}}"


def test_several_tasks_with_a_training_of_their_own_are_the_same_when_they_are_added_again(finished):
    """They are then the majority, but what an added task does not set is as in the tasks that were there before."""
    stored = benchmark_of(finished)
    tasks = [NEW, *(TRAINED.replace("short", label) for label in ("one", "two", "three"))]
    tasks += ["{use: fixed_points, label: late, duration: 5, loss_start: 2}"]
    once = extended(stored, tasks, installed())
    assert [task.training.max_updates for task in once.tasks] == [20, 20, 20, 10, 10, 10, 20]
    assert extended(once, tasks, installed()) == once
    assert extended(once, tasks[1:3], installed()) == once
    with pytest.raises(BenchmarkError, match=r"^two: .* with other values of duration and max_updates; give"):
        extended(once, ["{use: fixed_points, label: two, duration: 6, loss_start: 2}"], installed())


def test_a_dry_run_changes_nothing(folder, monkeypatch, capsys):
    before = files(folder)
    assert command(monkeypatch, "extend", folder, NEW, "--dry-run") == 0
    assert "adds third" in capsys.readouterr().out
    assert files(folder) == before


def test_where_all_cells_depend_on_all_tasks_the_plan_says_so_and_why(tmp_path, monkeypatch, capsys):
    content = CONTENT | {"name": "held", "channels": {"idle_outputs": "zero"}}
    folder = rnnbench.run(content, results=tmp_path, workers=1, figures=False).folder
    assert command(monkeypatch, "extend", folder, NEW, "--dry-run") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "adds third: 0 cells stay and 48 are new, because every network has the outputs of all tasks" in out


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("flip_flop", "flip_flop: the benchmark has a task of this name with other values of channels and duration;"),
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
