"""The benchmark of this plugin can be read where neurogym is installed."""

from pathlib import Path

import pytest

from rnnbench import load_benchmark

pytest.importorskip("neurogym", reason="neurogym has an environment of its own: make test-neurogym")


def test_the_benchmark_is_sound():
    b = load_benchmark(Path(__file__).parents[3] / "benchmarks" / "neurogym.yaml")
    assert len(b.tasks) == 6 and {task.plugin for task in b.tasks} == {"neurogym@1"}
