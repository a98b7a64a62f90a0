"""Every task of the package passes rnnbench's conformance checks of tasks."""

import pytest

import rnnbench_neuro
from rnnbench.testing import verdicts


@pytest.mark.parametrize("task", rnnbench_neuro.rnnbench_tasks(), ids=lambda task: task.name)
def test_conformance(task):
    assert [f"{v.check}: {v.found}" for v in verdicts(task()) if v.outcome == "failed"] == []
