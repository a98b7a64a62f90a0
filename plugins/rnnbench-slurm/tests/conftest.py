"""A cluster for the tests that need one; they are skipped where Slurm is not installed."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"rnnbench_slurm_tests_{name}", Path(__file__).with_name(f"{name}.py")
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    module = _beside("cluster")
    if (missing := module.missing()) and not os.environ.get("RNNBENCH_TEST_SLURM"):
        pytest.skip(f"{missing[0]} is not installed (Debian: slurmctld slurmd slurm-client slurm-wlm-basic-plugins)")
    here = module.Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        here.start()
        yield here
    finally:
        here.stop()
