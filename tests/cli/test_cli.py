"""The command line: its output, its exit codes, and how an interrupted run is continued."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from rnnbench import figures, load_results
from rnnbench.benchmark.cells import cells_of
from rnnbench.execution.run import run
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.results.records import Result
from rnnbench.results.store import Store

TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}
SOUND: dict[str, Any] = {
    "name": "tiny",
    "tasks": [TASK, {**TASK, "label": "driven", "drive": 0.5}],
    "architectures": [{"use": "vanilla_rnn", "units": 8}],
    "seeds": 2,
    "training": {"batch": 4, "max_updates": 4, "evaluate_every": 2, "evaluation_trials": 8},
}


@dataclass
class Case:
    """One command line, and its effect.

    Attributes:
        expected: texts that its error message must contain.
        wrong: text of the benchmark file; None for the valid benchmark SOUND.
        before: the files before the command.
        after: the files after it.
    """

    arguments: tuple[str, ...]
    expected: tuple[str, ...] = ()
    wrong: str | None = None
    code: int = -1
    out: str = ""
    err: str = ""
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


RUN = ("run", "b.yaml", "--workers", "1", "--device", "cpu")
MISTAKES = {
    "bad YAML": Case(RUN, ("b.yaml: line 2",), "name: x\n\ttasks: [fixed_points]\n"),
    "unknown key": Case(
        RUN, ("b.yaml: trainig", "did you mean training?"), "name: x\ntasks: [fixed_points]\ntrainig: {}\n"
    ),
    "unknown plugin": Case(RUN, ("b.yaml: tasks[0]", "did you mean flip_flop"), "name: x\ntasks: [flipflop]\n"),
    "out of range": Case(
        RUN, ("b.yaml: tasks[0].drive: 1.5 is above 1",), "name: x\ntasks: [{use: fixed_points, drive: 1.5}]\n"
    ),
    "wrong type": Case(
        RUN, ('b.yaml: tasks[0].duration: "long"',), "name: x\ntasks: [{use: fixed_points, duration: long}]\n"
    ),
    "several things wrong": Case(RUN, ("b.yaml: ",), "name: [x]\ntasks: [nothing]\nseeds: -1\nfoo: 1\n"),
    "missing file": Case(("run", "a.yaml"), ("a.yaml: no such file; did you mean b.yaml?",)),
    "folder for a file": Case(("run", "."), ("directory",)),
    "no workers": Case(("run", "b.yaml", "--workers", "0"), ("workers", "0 is below 1")),
    "fewer than no workers": Case(("run", "b.yaml", "--workers", "-3"), ("workers", "-3 is below 1")),
    "unknown device": Case(("run", "b.yaml", "--device", "banana"), ("device", "'banana'", "auto, cpu or cuda")),
    "device absent": Case(("run", "b.yaml", "--device", "cuda"), ("device", "CUDA", "--device cpu")),
    "results a file": Case((*RUN, "--results", "taken"), ("taken", "is a file")),
    "results below a file": Case((*RUN, "--results", "taken/deeper"), ("taken", "is a file")),
    "cells a file": Case((*RUN, "--results", "cells-taken"), ("cells-taken",)),
    "results where nothing can be written": Case((*RUN, "--results", "/proc/rnnbench"), ("/proc/rnnbench",)),
    "a cell of a newer version": Case((*RUN, "--results", "newer"), ("newer rnnbench", "format 2")),
    "a mistake on a dry run": Case((*RUN, "--dry-run"), ("b.yaml: tasks[0]",), "name: x\ntasks: [flipflop]\n"),
    "describe unknown": Case(("describe", "flipflop"), ("'flipflop'", "did you mean flip_flop")),
    "describe unknown version": Case(("describe", "flip_flop@9"), ("'flip_flop@9'", "flip_flop")),
    "describe nothing": Case(("describe", ""), ("known are", "flip_flop")),
}
USAGE = {
    "no benchmark": Case(("run",)),
    "workers no number": Case(("run", "b.yaml", "--workers", "many")),
    "unknown option": Case(("run", "b.yaml", "--wrokers", "1")),
    "unknown command": Case(("fly",)),
}
ANSWERS = {
    "list": Case(("list",)),
    "describe flip_flop": Case(("describe", "flip_flop")),
    "describe vanilla_rnn": Case(("describe", "vanilla_rnn@1")),
    "dry run": Case((*RUN, "--dry-run")),
    "help": Case(("--help",)),
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, command_line: Callable[..., Any]) -> dict[str, Case]:
    """All cases above, each run in its own folder."""
    every = MISTAKES | USAGE | ANSWERS
    root = tmp_path_factory.mktemp("cases")
    folders = {name: root / name for name in every}
    for name, case in every.items():
        folder = folders[name]
        (folder / "cells-taken" / "tiny").mkdir(parents=True)
        (folder / "cells-taken" / "tiny" / "cells").write_text("")
        (folder / "taken").write_text("")
        (folder / "b.yaml").write_text(case.wrong or yaml.safe_dump(SOUND))
        _newer(folder / "newer" / "tiny")
        case.before = files(folder)
    for name, case in every.items():
        case.code, case.out, case.err = command_line(case.arguments, folders[name])
        case.after = files(folders[name])
    return every


def _newer(folder: Path) -> None:
    """Make a results folder with a cell of a future format version."""
    cell = next(cells_of(load_benchmark(SOUND)))
    store = Store(folder)
    store.put(cell.identity, cell.description, Result(status="done"), {})
    path = store.path(cell.identity)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_on_stderr_and_exit_code_2_and_nothing_is_written(cases, name) -> None:
    if name == "device absent" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    if "/proc/rnnbench" in MISTAKES[name].arguments and not Path("/proc/self").is_dir():
        pytest.skip("there is no /proc")
    case = cases[name]
    assert "Traceback" not in case.err
    (line,) = case.err.splitlines()
    assert line.startswith("error: ")
    assert all(words in line for words in case.expected)
    assert case.code == 2
    assert case.after == case.before


@pytest.mark.parametrize("name", USAGE)
def test_a_wrong_command_line_says_so_with_exit_code_2(cases, name) -> None:
    case = cases[name]
    assert case.code == 2
    assert "Usage" in case.err or "error" in case.err
    assert "Traceback" not in case.err
    assert case.after == case.before


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_on_stdout_with_exit_code_0_and_nothing_is_written(cases, name) -> None:
    case = cases[name]
    assert case.code == 0
    assert case.err == ""
    assert case.out
    assert case.after == case.before


def test_a_mistake_in_a_fresh_process_is_one_line_and_exit_code_2(tmp_path) -> None:
    (tmp_path / "b.yaml").write_text("name: x\ntasks: [flipflop]\n")
    command = [sys.executable, "-m", "rnnbench", "run", "b.yaml"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    expected = r"error: b\.yaml: tasks\[0\]: unknown task 'flipflop'; did you mean flip_flop\?.*\n"
    assert re.fullmatch(expected, ran.stderr)
    assert set(files(tmp_path)) == {"b.yaml"}


def test_list_shows_kind_id_package_and_summary_of_each_plugin(cases) -> None:
    out = cases["list"].out
    assert re.search(r"^architectures from rnnbench \d\S* *\n +vanilla_rnn@1 +Vanilla rate RNN", out, re.MULTILINE)
    assert re.search(r"^rules from rnnbench \d\S* *\n +gradient_descent@1 +Gradient descent", out, re.MULTILINE)
    tasks = re.search(r"^tasks from rnnbench-neuro \d\S* *\n((?: .*\n)+)", out, re.MULTILINE)
    assert tasks and re.search(r"^ +flip_flop@1 +Hold the sign", tasks[1], re.MULTILINE)


def test_list_of_one_kind_shows_no_other(cli) -> None:
    out = cli("list", "rule").out
    assert re.findall(r"^(\w+) from", out, re.MULTILINE) and set(re.findall(r"^(\w+) from", out, re.M)) == {"rules"}


def test_describe_shows_source_types_bounds_units_and_defaults(cases) -> None:
    out = cases["describe flip_flop"].out
    assert re.match(r"flip_flop@1 +task, from rnnbench-neuro \d", out)
    assert "source: Sussillo & Barak" in out
    assert re.search(r"^parameter +type +default +bounds +unit +meaning", out, re.MULTILINE)
    assert re.search(r"^channels +integer +3 +≥ 1 +memory bits", out, re.MULTILINE)
    assert re.search(r"^duration +number +25(\.0)? +> 0 +tau +length of a trial", out, re.MULTILINE)
    assert re.search(r"^fixation +\[number, number\] +\[0(\.0)?, 1(\.0)?\] +.*tau", out, re.MULTILINE)
    assert re.search(r"^drive +number +0(\.0)? +≥ 0, ≤ 1", out, re.MULTILINE)


def test_describe_shows_choices_and_booleans(cases) -> None:
    out = cases["describe vanilla_rnn"].out
    assert re.search(r'^learn +"recurrent" \| "all" +"all"', out, re.MULTILINE)
    assert re.search(r"^bias +boolean +false", out, re.MULTILINE)


def test_a_dry_run_shows_cells_networks_updates_and_time(cases) -> None:
    out = cases["dry run"].out
    assert re.search(r"^networks +4\b", out, re.MULTILINE)  # 2 tasks x 2 seeds
    assert re.search(r"^cells +12, of which 12 still to be computed", out, re.MULTILINE)  # and 2 x 2 x 2 pairs
    assert re.search(r"^updates +at most 48\b", out, re.MULTILINE)
    assert re.search(r"^time +at most \d+ s in this process", out, re.MULTILINE)


def test_help_names_the_commands(cases) -> None:
    assert all(command in cases["help"].out for command in ("run", "list", "describe"))


def test_list_shows_broken_packages_and_the_plugins_of_the_others(cli, make_plugin, task_source) -> None:
    make_plugin("broken-one", "import nowhere_to_be_found")
    make_plugin("lamp-tasks", task_source("lamp", 7), version="2.5")
    make_plugin("odd-one", task_source("odd", body="    [x]: int = 1"))
    ran = cli("list")
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"^not loaded: broken-one: ModuleNotFoundError: .*nowhere_to_be_found", ran.out, re.MULTILINE)
    assert re.search(r"^not loaded: odd-one: ", ran.out, re.MULTILINE)
    assert re.search(r"^tasks from lamp-tasks 2\.5 *\n +lamp@7 +Answer one with one", ran.out, re.MULTILINE)


def test_a_run_with_broken_tasks_finishes_the_others_says_why_and_exits_with_code_1(
    cli, tmp_path, make_plugin, task_source
) -> None:
    faults = {
        "raiser": "raise FileNotFoundError('stimuli.npz')",
        "shaper": "return Trials(ones, ones[:, :2], ones)",
        "nanner": "return Trials(ones, np.nan * ones, ones)",
    }
    for name, sample in faults.items():
        make_plugin(f"{name}-tasks", task_source(name, sample=sample))
    content = {**SOUND, "tasks": [TASK, *faults], "seeds": 1}
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(content))
    ran = cli("run", "b.yaml", "--workers", "1", "--device", "cpu")
    assert ran.code == 1
    assert "Traceback" not in ran.err + ran.out
    for name, reason in {"raiser": "stimuli.npz", "shaper": "targets of shape", "nanner": "NaN"}.items():
        assert re.search(rf"^failed: .*{name}@1.*{reason}", ran.out, re.MULTILINE)

    store = Store(tmp_path / "results" / "tiny")
    for cell in cells_of(load_benchmark(content)):
        result = store.get(cell.identity).result
        if set(cell.history) == {"fixed_points"}:
            assert result.status == "done"
        else:
            assert result.status == "failed"
            assert any(name in result.failure.message for name in faults)
    table = load_results(store.root).interference
    assert sorted(table["status"]) == ["done"] + 15 * ["failed"]
    assert table.loc[table["status"] == "failed", "failure"].notna().all()


# --- interruptions

LONG = {
    **SOUND,
    "architectures": [{"use": "vanilla_rnn", "units": 8, "sweep": {"g": [0.3, 1.2]}}],
    "seeds": 3,
    # No network reaches this criterion, so that every cell takes equally long.
    "training": {**SOUND["training"], "max_updates": 120, "evaluate_every": 40, "criterion": {"loss": 1e-9}},
}
N_CELLS = 2 * 3 * (2 + 4)


@dataclass
class Stopped:
    """A run that was stopped, and what it left.

    Attributes:
        left: commands of its processes that are still running.
        cells: the files of its cells.
    """

    code: int
    out: str
    err: str
    left: list[str]
    cells: dict[str, bytes]


def _cells(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (folder / "results" / "tiny" / "cells").glob("*/*.json")}


def _processes(group: int) -> dict[int, str]:
    """Command of each running process of a process group, by its number."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 3) for line in listing.stdout.splitlines())
    return {int(r[0]): r[3] for r in rows if len(r) == 4 and int(r[1]) == group and not r[2].startswith("Z")}


def _stopped(folder: Path, stop: Any) -> Stopped:
    """Start a run with two workers and `stop(process)` it once it has finished some more cells."""
    before = len(_cells(folder))
    with open(folder / "out", "w+") as out, open(folder / "err", "w+") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "rnnbench", "run", "b.yaml", "--workers", "2", "--device", "cpu"],
            cwd=folder,
            env={**os.environ, "COLUMNS": "160"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,  # a process group of its own, as a shell would give it
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored if the tests run behind `&`
        )
        try:
            limit = time.monotonic() + 120
            while process.poll() is None and len(_cells(folder)) == before and time.monotonic() < limit:
                time.sleep(0.02)
            assert process.poll() is None, err.seek(0) or err.read()
            stop(process)
            process.wait(30)
            limit = time.monotonic() + 5
            while (left := _processes(process.pid)) and time.monotonic() < limit:
                time.sleep(0.1)
        finally:
            if _processes(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        out.seek(0), err.seek(0)
        return Stopped(process.returncode, out.read(), err.read(), list(left.values()), _cells(folder))


def _ctrl_c(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the parent and to the workers


STOPS = {
    "Ctrl-C": _ctrl_c,
    "SIGTERM": subprocess.Popen.terminate,
}


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Stopped]]:
    """A folder in which one benchmark was started and stopped in each way, one after the other."""
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "b.yaml").write_text(yaml.safe_dump(LONG))
    return folder, {name: _stopped(folder, stop) for name, stop in STOPS.items()}


def test_ctrl_c_ends_a_run_with_code_130_and_no_traceback(interrupted) -> None:
    stopped = interrupted[1]["Ctrl-C"]
    assert stopped.code == 130
    assert "Traceback" not in stopped.err + stopped.out
    assert "KeyboardInterrupt" not in stopped.err + stopped.out


def test_after_ctrl_c_a_message_says_how_to_continue(interrupted) -> None:
    assert interrupted[1]["Ctrl-C"].err.strip() == "interrupted; run the same command again to continue"


@pytest.mark.parametrize("name", STOPS)
def test_no_process_outlives_a_run_that_is_stopped_by(interrupted, name) -> None:
    assert interrupted[1][name].left == []


@pytest.mark.parametrize("name", STOPS)
def test_finished_cells_remain_whole_when_a_run_is_stopped_by(interrupted, name) -> None:
    folder, stops = interrupted
    cells = stops[name].cells
    assert 0 < len(cells) < N_CELLS
    store = Store(folder / "results" / "tiny")
    assert all(store.get(Path(file).stem).result.status == "done" for file in cells)


def test_the_same_command_computes_only_what_is_missing_and_gives_the_table_of_an_uninterrupted_run(
    interrupted, cli, tmp_path, monkeypatch
) -> None:
    folder, _ = interrupted
    before = _cells(folder)
    ran = cli("run", "b.yaml", "--workers", "2", "--device", "cpu", cwd=folder)
    assert ran.code == 0
    missing = N_CELLS - len(before)
    assert f"{N_CELLS}, of which {missing} still to be computed" in ran.out
    assert re.findall(r"\d+ of \d+ cells computed", ran.out) == [f"{missing} of {missing} cells computed"]
    after = _cells(folder)
    assert len(after) == N_CELLS
    assert {file: after[file] for file in before} == before

    monkeypatch.setattr(
        figures, "draw_all", lambda *args: None
    )  # figures take half of the time and are not tested here
    whole = run(LONG, tmp_path, workers=1, device="cpu").folder
    table = (folder / "results" / "tiny" / "interference.csv").read_bytes()
    assert table == (whole / "interference.csv").read_bytes()
    assert not list((folder / "results").rglob("*.damaged"))
