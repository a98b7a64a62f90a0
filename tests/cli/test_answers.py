"""What the terminal says about g, drive and pairs: from the tables, in 80 columns, with the idle outputs named."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from planted_curves import along_g, tables
from rich.console import Console

from rnnbench.cli.answers import comparison_tables, trend_lines, variance_lines
from rnnbench.results.tables import summaries


def printed(*parts: object) -> str:
    console = Console(file=io.StringIO(), width=80)
    for part in parts:
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def found() -> dict[str, pd.DataFrame]:
    interference, curves = tables(
        along_g({0.5: 0.04, 1.0: 0.08, 2.0: 0.16}, {0.5: 0.9, 1.0: 0.5, 2.0: 0.2}, spread=0.05)
    )
    return summaries(interference.assign(skill_lost=interference["interference"].clip(0, 1)), curves)


def test_a_comparison_is_a_table_that_fits_and_says_over_what_and_with_which_idle_outputs(found):
    text = printed(*comparison_tables(found["comparisons"], "idle outputs free"))
    assert max(map(len, text.splitlines())) <= 80
    joined = " ".join(text.split())
    assert "interference along g (net, sgd); idle outputs free" in joined
    assert "Means over the same 20 of 20 pairs (100 of 100 networks) in each row." in joined
    means = found["comparisons"].query("moment == 'criterion' and quantity == 'interference'")
    for value, mean in zip(means["value"], means["mean"], strict=True):
        assert any(line.split()[:2] == [value, f"{mean:.2f}"] for line in text.splitlines())


def test_a_trend_says_the_change_the_intervals_and_how_many_pairs_fall(found):
    trend = found["trends"].query("moment == 'criterion' and quantity == 'interference'").iloc[0]
    text = printed(*trend_lines(found["trends"]))
    assert max(map(len, text.splitlines())) <= 80
    assert f"g 0.5 to 2: interference −{abs(trend['change']):.2f} at B's criterion" in text
    assert "20 of 20 pairs fall; smallest at 2" in text
    assert "over seeds" in text and "over tasks" in text and "skill lost (0 to 1)" in text


def test_the_variance_has_a_line_for_each_matrix(found):
    text = printed(*variance_lines(found["decomposition"]))
    assert max(map(len, text.splitlines())) <= 80
    lines = text.splitlines()
    assert lines[0].startswith("of the variance between networks") and len(lines) == 4
    for line in lines[1:]:
        assert " A, " in line and " B, " in line and "the pair" in line and line.endswith("seeds")


def test_nothing_to_compare_says_nothing():
    interference, curves = tables(along_g({1.0: 0.04}, {1.0: 0.5}, seeds=range(1)))
    found = summaries(interference.assign(skill_lost=0.0), curves)
    assert comparison_tables(found["comparisons"], "idle outputs free") == []
    assert trend_lines(found["trends"]) == [] and variance_lines(found["decomposition"]) == []


def test_where_no_pair_counts_at_all_values_the_line_says_so():
    interference, curves = tables(along_g({1.0: 0.04, 2.0: 0.04}, {1.0: 0.5, 2.0: 0.4}))
    interference.loc[(interference["g"] == 1) == (interference["seed"] < 2), "converged_first"] = False
    found = summaries(interference.assign(skill_lost=0.0), curves)
    text = printed(*trend_lines(found["trends"]))
    assert "no pair counts at all values" in text or text == ""
