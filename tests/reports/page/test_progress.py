"""The sections about equal progress and about rows, columns and pairs, compared with the tables."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from rnnbench.reports.numbers import number
from rnnbench.reports.page.assemble import page
from rnnbench.reports.page.progress import comparisons, conclusion, direction, summary_tables
from rnnbench.reports.page.shares import decomposed
from rnnbench.results.comparisons import MOMENTS, QUANTITIES


@pytest.fixture(scope="module")
def neuro(reference):
    """Five seeds and six tasks, of a version that did not write the tables of comparisons."""
    return reference("claims/c5-neuro")


@pytest.fixture(scope="module")
def tables(neuro):
    return summary_tables(neuro)


def test_a_comparison_has_the_numbers_of_the_table(neuro, tables):
    (one,), why = comparisons(neuro, tables)
    assert why == "" and one.across == "g" and [value for value, _ in one.rows] == ["0.6", "1.5"]
    assert one.over == "over the same 30 of 30 pairs (150 of 150 networks)"
    table = tables["comparisons"]
    for value, cells in one.rows:
        rows = table[(table["value"] == value) & (table["quantity"] == "interference")].set_index("moment")
        assert [cell.mean for cell in cells[:4]] == [number(rows.loc[moment, "mean"]) for moment in MOMENTS]
        at = rows.loc["criterion"]
        assert cells[0].lines == [
            f"median {number(at['median'])}",
            f"over seeds {number(at['low'])} to {number(at['high'])}",
            f"over tasks {number(at['low_tasks'])} to {number(at['high_tasks'])}",
        ]
    lost = table[(table["quantity"] == "skill_lost") & (table["moment"] == "criterion")]
    assert [cells[4].mean for _, cells in one.rows] == [number(mean) for mean in lost["mean"]]
    assert one.headings[3][1] == "over 30 pairs (148 networks), which reached this"


def test_the_trend_says_that_the_conclusion_depends_on_the_moment_and_the_quantity(neuro, tables):
    (one,), _ = comparisons(neuro, tables)
    change = tables["trends"].query("moment == 'criterion' and quantity == 'interference'").iloc[0]
    assert one.trend[0].startswith(
        "From g = 0.6 to 1.5, interference (idle outputs trained to zero) changes by "
        f"{number(change['change'])} at B's criterion "
        f"[95 % over seeds {number(change['low'])} to {number(change['high'])}; over tasks "
    )
    assert f"{change['n_falling']} of 30 pairs fall; the mean is smallest at 1.5 and largest at 0.6" in one.trend[0]
    assert one.trend[2].startswith("The accuracy lost (idle outputs trained to zero) changes by ")
    assert " of 25 pairs fall" in one.trend[2]  # one of the tasks has no accuracy
    assert one.trend[3].startswith(
        "The conclusion (idle outputs trained to zero) depends on the quantity and the moment: interference falls at"
    )
    assert "but hardly changes at equal updates; skill lost hardly changes at all four moments" in one.trend[3]


def test_directions():
    row = {"change": -0.3, "low": math.nan, "high": math.nan}
    assert direction(row) == "falls" and direction(row | {"change": 0.3}) == "rises"
    assert direction(row | {"low": -0.5, "high": 0.1}) == "is not shown to change"
    assert direction(row | {"low": -0.5, "high": -0.1}) == "falls"
    assert direction(row | {"change": 0.05}) == "hardly changes"
    assert direction(row | {"change": math.nan}) == "is not known"


def test_a_conclusion_that_depends_on_nothing():
    found = {(moment, quantity): "falls" for moment in MOMENTS for quantity in QUANTITIES}
    assert conclusion(found, "idle outputs free") == (
        "The conclusion (idle outputs free) depends neither on the quantity nor on the moment: interference falls at "
        "all four moments; skill lost falls at all four moments; accuracy lost falls at all four moments."
    )


def test_rules_are_each_compared_with_the_first_and_have_no_trend(reference):
    results = reference("claims/half-rate-neuro")
    (one,), _ = comparisons(results, summary_tables(results))
    assert one.across == "rule" and len(one.rows) == 2 and one.trend == []


def test_shares_are_those_of_the_table(neuro, tables):
    found, why = decomposed(neuro, tables["decomposition"])
    assert why == "" and len([one for one in found if one.sentence]) == 2
    rows = tables["decomposition"].query("g == 0.6 and quantity == 'interference'").set_index("term")
    first = found[0]
    assert first.name == "interference · g = 0.6" and first.over == "30 pairs, 5 seeds, 150 networks"
    assert [text for text, _ in first.cells[1:5]] == [
        f"{100 * rows.loc[term, 'value']:.0f} %" for term in ("A", "B", "pair", "seeds")
    ]
    assert f"{100 * rows.loc['B', 'value']:.0f} % to the second, " in first.sentence
    assert f"{100 * rows.loc['pair', 'value']:.0f} % to the pair [95 % over seeds " in first.sentence
    assert first.cells[-1][1] == [f"rank correlation {number(rows.loc['prediction rank', 'value'])}"]


def test_below_five_seeds_there_is_no_interval_over_seeds(results):
    """Two seeds and two tasks, so no interval of either kind; the markup in names holds no numbers."""
    text = page([results])
    shown = re.sub(r"<(style|script).*?</\1>", "", text, flags=re.S)
    assert not re.search(r"[\d.]+ to −?[\d.]+\)", shown) and not re.search(r"over (seeds|tasks) −?\d", shown)
    assert "Fewer than five seeds have no interval over seeds" in shown
    few = replace(results, tables={name: table for name, table in results.tables.items() if name != "comparisons"})
    assert "Compared at equal progress" in page([few])


def test_tables_that_cannot_be_read_do_not_stop_the_page(results):
    broken = {"comparisons": "moment", "decomposition": "term"}
    tables = {name: results.tables[name].drop(columns=column) for name, column in broken.items()}
    text = page([replace(results, tables={**results.tables, **tables})])
    assert "The comparisons could not be read from these tables: KeyError" in text
    assert "The decomposition could not be read from these tables: KeyError" in text
