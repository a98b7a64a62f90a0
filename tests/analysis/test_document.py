"""The example in docs/analysis.md runs and gives the results that the page states."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnnbench.results.analysis_columns import measured

DOCUMENT = Path(__file__).parents[2] / "docs" / "analysis.md"


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    space: dict = {}
    exec("\n".join(code), space)
    # At N = 200, overlaps deviate by about N^-1/2 = 0.07 from 1 and pi / 2, and the angle by a few times that.
    assert space["measures"]["mode_index"] == pytest.approx(1, abs=0.1)
    assert space["measures"]["rotation_angle"] == pytest.approx(np.pi / 2, abs=0.25)
    assert (tmp_path / "phase_plane.png").stat().st_size > 10_000


def test_every_column_is_defined():
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = "".join(line for line in text.splitlines() if line.startswith("| `"))
    for name in measured(["updates", "fixed_points"]):
        stem = name.rpartition("_")[0]
        assert any(mark in rows for mark in (f"`{name}`", f"`{stem}_*`", f"`{stem}_xy`", f"`_{name.split('_')[-1]}`"))
