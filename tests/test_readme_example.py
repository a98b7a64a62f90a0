"""The Python example of the README, run on real small results, gives the numbers of the table of comparisons."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import rnnbench
from rnnbench.results.tables import summaries

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> rnnbench.Results:
    """The results that the example computes."""
    home = tmp_path_factory.mktemp("results")
    rnnbench.run(ROOT / "benchmarks" / "smoke.yaml", home, workers=1, device="cpu")
    return rnnbench.load_results(home / "smoke")


def ran(monkeypatch, results: rnnbench.Results) -> dict[str, Any]:
    """The variables of the example after it has run, with these results in place of those it computes and reads."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## In Python")[2]
    program = re.search(r"```python\n(.*?)```", text, re.S)
    assert program
    asked: list[str] = []
    for name in ("run", "load_results"):
        monkeypatch.setattr(rnnbench, name, lambda path: (asked.append(path), results)[1])
    found: dict[str, Any] = {}
    exec(program[1], found)
    assert asked == ["benchmarks/smoke.yaml", "results/smoke"] and (ROOT / asked[0]).exists()
    return found


def expected(results: rnnbench.Results) -> pd.Series:
    """Mean interference at B's criterion at each g, from the table of comparisons."""
    rows = results.comparisons
    rows = rows[(rows["across"] == "g") & (rows["moment"] == "criterion") & (rows["quantity"] == "interference")]
    return pd.Series(rows["mean"].to_numpy(float), rows["value"].astype(float).rename("g"), name="interference")


def test_the_means_are_those_of_the_table_of_comparisons(smoke, monkeypatch, capsys):
    found = ran(monkeypatch, smoke)
    pd.testing.assert_series_equal(found["means"], expected(smoke), check_exact=False)
    assert "Interference, idle outputs free, over 2 of 2 pairs, 4 of 4 networks:" in capsys.readouterr().out


def test_networks_that_did_not_learn_a_are_in_no_mean(smoke, monkeypatch, capsys):
    table = smoke.interference.copy()
    unlearnt = (table["g"] == 0.5) & (table["first_task"] == "flip_flop") & (table["seed"] == 1)
    table.loc[unlearnt, "converged_first"] = False
    table.loc[unlearnt, "interference"] = 1000.0
    changed = replace(smoke, tables={**smoke.tables, "interference": table, **summaries(table, smoke.curves)})
    found = ran(monkeypatch, changed)
    pd.testing.assert_series_equal(found["means"], expected(changed), check_exact=False)
    assert "over 2 of 2 pairs, 3 of 4 networks:" in capsys.readouterr().out
    assert found["matrices"]["mean"].max() < 10
    assert found["matrices"].loc[(0.5, "flip_flop", "fixed_points"), "count"] == 1
