"""Today's code against the committed reference results, by the standard that other labs are held to."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rnnbench import run
from rnnbench.benchmark.schema import Criterion
from rnnbench.reports.comparison.comparison import Comparison, compare_folders

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "results" / "reference"
PAIRS = [["fixed_points", "flip_flop"], ["romo", "flip_flop"]]


def computed_again(home: Path) -> Comparison:
    """Two pairs of the forty seeds' benchmark at sixteen of its seeds, computed now and held against the reference."""
    benchmark = yaml.safe_load((ROOT / "benchmarks" / "compare" / "forty-seeds.yaml").read_text())
    run({**benchmark, "seeds": 16, "protocol": PAIRS}, home, workers=1, device="cpu")
    return compare_folders([REFERENCE / "compare" / "forty-seeds", home / "forty-seeds"])


def test_today_s_code_agrees_with_the_reference(tmp_path):
    found = computed_again(tmp_path)
    (pair,) = found.pairs
    assert pair.paired and pair.shared == 16
    assert [cell.key[-2:] for cell in pair.cells] == [tuple(names) for names in PAIRS]
    assert found.verdict == "agree", [(cell.difference, cell.alone_low, cell.alone_high) for cell in pair.cells]


def test_the_test_above_can_fail(tmp_path, monkeypatch):
    """A planted fault: training stops at half of the untrained loss where the benchmark asks for a fifth."""
    monkeypatch.setattr(Criterion, "bound", lambda self, untrained: 0.5 * untrained)
    assert computed_again(tmp_path).verdict == "disagree"


@pytest.mark.slow
def test_today_s_code_agrees_with_the_reference_of_neuro(tmp_path):
    """All of neuro.yaml: about 7 minutes on 2 cores. Three seeds cannot show a difference, nor that there is none:
    what is asked is that nothing is shown, and that the matrices are the same as wholes."""
    run(ROOT / "benchmarks" / "neuro.yaml", tmp_path, device="cpu")
    found = compare_folders([REFERENCE / "neuro", tmp_path / "neuro"])
    assert found.verdict != "disagree" and not found.left_out
    assert all(whole.concordance > 0.9 for whole in found.pairs[0].wholes.values())
