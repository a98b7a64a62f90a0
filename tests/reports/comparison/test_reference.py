"""The current code against the committed reference results, by the rule that is applied to other labs."""

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
    """Compute two pairs of the forty-seeds benchmark at sixteen of its seeds, and compare them with the reference."""
    benchmark = yaml.safe_load((ROOT / "benchmarks" / "compare" / "forty-seeds.yaml").read_text())
    run({**benchmark, "seeds": 16, "protocol": PAIRS}, home, workers=1, device="cpu")
    return compare_folders([REFERENCE / "compare" / "forty-seeds", home / "forty-seeds"])


def test_the_current_code_agrees_with_the_reference(tmp_path):
    found = computed_again(tmp_path)
    (pair,) = found.pairs
    assert pair.paired and pair.shared == 16
    assert [entry.key[-2:] for entry in pair.entries] == [tuple(names) for names in PAIRS]
    assert found.verdict == "agree", [(entry.difference, entry.alone_low, entry.alone_high) for entry in pair.entries]


def test_the_test_above_can_fail(tmp_path, monkeypatch):
    """With a fault on purpose: training stops at 0.7 of the untrained loss, where the benchmark asks for a fifth."""
    monkeypatch.setattr(Criterion, "bound", lambda self, untrained: 0.7 * untrained)
    assert computed_again(tmp_path).verdict == "disagree"


@pytest.mark.slow
def test_the_current_code_agrees_with_the_reference_of_neuro(tmp_path):
    """All of neuro.yaml, about 15 minutes on 2 cores.

    Five seeds can hardly show agreement of every entry. The test requires that no difference is shown and that the
    matrices are concordant as wholes.
    """
    run(ROOT / "benchmarks" / "neuro.yaml", tmp_path, device="cpu")
    found = compare_folders([REFERENCE / "neuro", tmp_path / "neuro"])
    assert found.verdict != "disagree" and not found.left_out
    assert all(whole.concordance > 0.9 for whole in found.pairs[0].wholes.values())
