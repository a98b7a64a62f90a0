"""`rnnbench status` counts finished, failed and missing cells without importing a plugin."""

from __future__ import annotations

import os

import pytest

from rnnbench import run
from rnnbench.errors import StoreError
from rnnbench.results.status import LATELY, status_of

BENCHMARK = {
    "name": "small",
    "tasks": [{"use": "fixed_points", "duration": 6, "loss_start": 3}, {"use": "lamp", "label": "dark"}],
    "architectures": [{"use": "vanilla_rnn", "units": 8}],
    "rules": [{"use": "gradient_descent", "learning_rate": 0.01}],
    "seeds": 2,
    "training": {"batch": 4, "max_updates": 10, "evaluate_every": 5, "evaluation_trials": 8},
}


@pytest.fixture
def folder(tmp_path, make_plugin, task_source):
    """A finished run of two tasks, one of which raises an error."""
    make_plugin("lamp-tasks", task_source("lamp", sample="raise RuntimeError('no light')"))
    run(BENCHMARK, tmp_path, workers=1, device="cpu")
    return tmp_path / "small"


def test_cells_are_counted_by_stage_and_failures_by_reason(folder):
    found = status_of(folder, now=max(p.stat().st_mtime for p in folder.glob("cells/*/*.json")) + 1)
    # For each seed, one of the two first tasks fails; of the four pairs, only the one without that task is done.
    assert [(s.position, s.done, s.failed, s.missing) for s in found.stages] == [(1, 2, 2, 0), (2, 2, 6, 0)]
    assert sum(found.reasons.values()) == 8 and all("no light" in reason for reason in found.reasons)
    assert found.tables and found.missing == 0 and found.seconds_left is None


def test_absent_and_incomplete_cells_are_missing_and_the_time_left_is_estimated(folder):
    cells = sorted(folder.glob("cells/*/*.json"))
    cells[0].unlink()
    cells[1].write_text('{"result": {"sta')
    now = 1e9
    for path in cells[2:]:
        os.utime(path, (now - 5, now - 5))
    found = status_of(folder, now)
    assert found.missing == 2 and found.lately == len(cells) - 2
    assert found.seconds_left == pytest.approx(2 * LATELY / found.lately)
    assert found.newest == pytest.approx(now - 5)


def test_a_folder_without_a_description_is_refused_in_one_line(tmp_path):
    with pytest.raises(StoreError, match=r"benchmark\.json: missing or unreadable; is this the folder of a run"):
        status_of(tmp_path, 0.0)


def test_the_command_says_what_is_left(folder, cli):
    next(folder.glob("cells/*/*.json")).unlink()
    ran = cli("status", folder)
    assert (ran.code, ran.err) == (0, "")
    assert "first tasks" in ran.out and "failed: " in ran.out and "no light" in ran.out
