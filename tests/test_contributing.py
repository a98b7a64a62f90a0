"""The worked examples of CONTRIBUTING.md, applied to a copy of the package that then writes and reads a folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DIFFS = re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)

PROGRAM = """
import json, sys
import rnnbench
from rnnbench.results.schemas import columns_page

benchmark = {
    "name": "small",
    "tasks": ["fixed_points", {"use": "flip_flop", "channels": 1, "duration": 6}],
    "architectures": [{"use": "vanilla_rnn", "units": 8}],
    "seeds": 1,
    "training": {"batch": 2, "max_updates": 4, "evaluate_every": 2, "evaluation_trials": 4},
}
written = rnnbench.run(benchmark, sys.argv[1], workers=1, device="cpu")
read = rnnbench.load_results(written.folder)
rows = read.interference
print(json.dumps({
    "package": rnnbench.__file__,
    "rise": bool((rows.loss_rise - (rows.loss_after - rows.loss_first)).abs().max() < 1e-12),
    "used": [float(read.budget.used.min()), float(read.budget.used.max())],
    "cells": len(read.budget),
    "page": columns_page(),
}))
"""


def test_there_are_two_examples():
    assert len(DIFFS) == 2


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_the_worked_examples_do_what_they_say(tmp_path):
    shutil.copytree(ROOT / "rnnbench", tmp_path / "rnnbench", ignore=shutil.ignore_patterns("__pycache__"))
    for diff in DIFFS:
        # Hunks may have moved; what they change must be as it is quoted.
        done = subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, capture_output=True, text=True)
        assert done.returncode == 0, f"CONTRIBUTING.md quotes code that has changed: {done.stderr}"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "results")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["package"].startswith(str(tmp_path))
    assert said["rise"] and 0 < said["used"][0] <= said["used"][1] <= 1
    assert said["cells"] == 2 + 4  # two first tasks, four ordered pairs
    assert "`loss_rise`" in said["page"] and "## budget.csv" in said["page"]
