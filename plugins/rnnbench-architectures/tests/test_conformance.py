"""Every architecture of the package passes the conformance checks of rnnbench."""

import pytest

import rnnbench_architectures
from rnnbench.testing import verdicts


@pytest.mark.parametrize(
    "architecture", rnnbench_architectures.rnnbench_architectures(), ids=lambda architecture: architecture.name
)
def test_conformance(architecture):
    assert [f"{v.check}: {v.found}" for v in verdicts(architecture()) if v.outcome == "failed"] == []
