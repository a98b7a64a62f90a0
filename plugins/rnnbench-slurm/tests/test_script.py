"""Batch scripts and bundles, without a cluster."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

import rnnbench
from rnnbench_slurm.executor import Slurm
from rnnbench_slurm.script import rendered, walltime


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "0-00:01:00"), (3600, "0-01:00:00"), (3601, "0-01:01:00"), (200_000, "2-07:34:00")]
)
def test_walltimes_are_whole_minutes_rounded_up(seconds, text):
    assert walltime(seconds) == text


@pytest.fixture
def submitted(tmp_path, monkeypatch) -> list[Path]:
    """The scripts that would be submitted; the jobs end at once without doing anything."""
    scripts: list[Path] = []

    def submit(script: Path, after: list[str]) -> str:
        scripts.append(script)
        return str(len(scripts))

    monkeypatch.setattr("rnnbench_slurm.executor.submit", submit)
    monkeypatch.setattr("rnnbench_slurm.executor.queue", lambda name: [])
    monkeypatch.setattr("rnnbench_slurm.executor.longest_array", lambda: 1001)
    return scripts


def work(folder: Path, n: int = 4, seconds: float = 60.0) -> rnnbench.Work:
    jobs = tuple(rnnbench.Job((f"c{k}",), frozenset(), frozenset(), 1, seconds, f'["c{k}"]') for k in range(n))
    return rnnbench.Work(folder, jobs, "cpu", 1, 1, lambda report: None, list, lambda: None)


def test_a_script_is_valid_shell_and_says_what_was_asked_for(tmp_path, submitted):
    folder = tmp_path / "a folder; with $signs"
    slurm = Slurm(partition="short", memory="4G", options=("--constraint=avx512",), before=("module load python",))
    with pytest.raises(rnnbench.RnnbenchError, match="4 of 4 jobs are not done after 3 attempts"):
        slurm.run(work(folder))
    text = submitted[0].read_text()
    assert subprocess.run(["bash", "-n", str(submitted[0])]).returncode == 0
    for line in ("--partition=short", "--mem=4G", "--constraint=avx512", "--array=0-0", "--cpus-per-task=1"):
        assert f"#SBATCH {line}" in text or line in text
    assert "\nmodule load python\n" in text and "account" not in text
    command = next(line for line in text.splitlines() if line.startswith("exec "))
    assert str(folder) in shlex.split(command)


def test_walltime_is_the_estimate_with_slack_and_doubles_with_each_attempt(tmp_path, submitted):
    with pytest.raises(rnnbench.RnnbenchError):
        Slurm(minutes=2, slack=3, startup=5).run(work(tmp_path, n=4, seconds=60.0))  # two bundles of two minutes
    times = [next(line for line in path.read_text().splitlines() if "--time=" in line) for path in submitted]
    assert times == [f"#SBATCH --time=0-00:{m}:00" for m in (5 + 6, 5 + 12, 5 + 24)]


def test_arrays_are_split_where_the_cluster_wants_them_shorter(tmp_path, submitted):
    with pytest.raises(rnnbench.RnnbenchError):
        Slurm(minutes=1, longest_array=3, attempts=1).run(work(tmp_path, n=7))
    arrays = [next(line for line in path.read_text().splitlines() if "--array=" in line) for path in submitted]
    assert arrays == [f"#SBATCH --array={a}" for a in ("0-2", "0-2", "0-0")]
    firsts = [path.read_text().split("$((")[1].split(" +")[0] for path in submitted]
    assert firsts == ["0", "3", "6"]


def test_a_template_of_ones_own_and_what_it_may_not_ask_for(tmp_path):
    path = tmp_path / "lab.sbatch"
    path.write_text("#!/bin/sh\n# {{ name }}\n")
    assert rendered(str(path), {"name": "x"}) == "#!/bin/sh\n# x\n"
    path.write_text("{{ nme }}")
    with pytest.raises(rnnbench.RnnbenchError, match=r"lab.sbatch: 'nme' is undefined; known names are name"):
        rendered(str(path), {"name": "x"})
