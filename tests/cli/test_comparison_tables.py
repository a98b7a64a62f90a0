"""Tables of comparisons in the terminal: which means stand side by side, over how many networks, and in 80 columns."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from planted_curves import TASKS, along_g, network, tables
from rich.console import Console

from rnnbench.cli.comparison_tables import MOMENTS, comparison_tables, without_comparison
from rnnbench.results.tables import summaries

IDLE = "idle outputs free"


def printed(*parts: object) -> str:
    console = Console(file=io.StringIO(), width=80)
    for part in parts:
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def shown(comparisons: pd.DataFrame) -> list[str]:
    lines = printed(*comparison_tables(comparisons, IDLE)).splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def of_rules(rules, g=(0.5,), **more) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Networks of several rules; each rule loses 0.1 more than the one before it."""
    interference, curves = tables(
        [
            network(value, a, b, seed, 0.04 + 0.01 * k, 0.1 * k, rule=rule, **more)
            for k, rule in enumerate(rules)
            for value in g
            for a in TASKS
            for b in TASKS
            for seed in range(2)
        ]
    )
    return interference.assign(skill_lost=interference["interference"].clip(0, 1)), curves


@pytest.fixture(scope="module")
def along() -> pd.DataFrame:
    interference, curves = tables(along_g({0.5: 0.04, 1.0: 0.08, 2.0: 0.16}, {0.5: 0.9, 1.0: 0.5, 2.0: 0.2}))
    return summaries(interference.assign(skill_lost=interference["interference"].clip(0, 1)), curves)["comparisons"]


def test_a_comparison_along_g_says_over_what_and_with_which_idle_outputs(along):
    lines = shown(along)
    joined = " ".join(" ".join(lines).split())
    assert f"interference along g (net, sgd, N = 8); {IDLE}" in joined
    assert "Means over the same 20 of 20 pairs (100 of 100 networks) in each row. Columns: at" in joined
    means = along.query("moment == 'criterion' and quantity == 'interference'")
    for value, mean in zip(means["value"], means["mean"], strict=True):
        assert any(line.split()[:2] == [value, f"{mean:.2f}"] for line in lines)


def test_a_column_over_fewer_networks_says_so(along):
    table = along.copy()
    table.loc[table["moment"] == "half", "n_networks"] = 97
    table.loc[table["moment"] == "tenth", ["n_pairs", "n_networks"]] = [18, 80]
    table.loc[table["quantity"] == "skill_lost", "n_networks"] = 0
    assert (
        "(100 of 100 networks) in each row; 1/2 loss: 97 networks; 1/10 loss: 18 pairs (80 networks); skill lost: none."
    ) in " ".join(" ".join(shown(table)).split())


def test_the_columns_are_explained_once():
    interference, curves = of_rules(["sgd", "adam"], g=(0.5, 1.0))
    comparisons = summaries(interference, curves)["comparisons"]
    assert len(comparison_tables(comparisons, IDLE)) == 4  # along g for each rule, and rules for each g
    assert " ".join(" ".join(shown(comparisons)).split()).count(MOMENTS) == 1


def test_each_rule_stands_below_the_first_over_the_same_networks():
    interference, curves = of_rules(["sgd", "adam", "ewc"])
    unlearnt = (interference["rule"] == "ewc") & (interference["first_task"] == "a") & (interference["seed"] == 0)
    comparisons = summaries(interference.assign(converged_first=~unlearnt), curves)["comparisons"]
    lines = [line.split() for line in shown(comparisons)]
    start = next(k for k, words in enumerate(lines) if words[:1] == ["sgd"])
    assert [words[0] for words in lines[start : start + 6]] == ["sgd", "adam", "networks,", "sgd", "ewc", "networks,"]
    assert lines[start][1] == "0.00" and lines[start + 1][1] == "0.10" and lines[start + 4][1] == "0.20"
    assert lines[start + 2][1:4] == ["of", "40", "40"] and lines[start + 5][1:4] == ["of", "40", "36"]
    title = " ".join(" ".join(words) for words in lines[:2])
    assert title.startswith(f"interference by rule, each with sgd (net, N = 8, g = 0.5); {IDLE}")


def test_many_rules_have_one_line_each_with_the_first_over_the_same_networks():
    interference, curves = of_rules([f"rule {k}" for k in range(11)])
    comparisons = summaries(interference, curves)["comparisons"]
    lines = shown(comparisons)
    for k in range(1, 11):
        (line,) = (line for line in lines if line.startswith(f"rule {k} "))
        rows = comparisons[comparisons["value"] == f"rule {k}"].query("quantity == 'interference'").set_index("moment")
        words = line.split()[2:]
        assert words[0] == f"{rows.loc['criterion', 'mean']:.2f}" and words[1] == "0.00"
        assert words[2] == f"{rows.loc['updates', 'mean']:.2f}"
        assert words[4:] == ["40", "of", "40"]


def architectures(**sizes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A comparison of each architecture with the first one, as the table `comparisons` has it if g and N may differ."""
    interference, curves = of_rules([*sizes], architecture="net")
    comparisons = summaries(interference, curves)["comparisons"].assign(architecture="", rule="sgd")
    names = interference["rule"].to_numpy()
    g, units = (interference["rule"].map({name: size[k] for name, size in sizes.items()}) for k in (0, 1))
    own = interference.assign(architecture=names, rule="sgd", g=g.astype(float), units=units)
    return own, comparisons.assign(across="architecture", g=float("nan"))


def test_architectures_of_different_size_are_in_one_table_and_belong_to_a_comparison():
    interference, comparisons = architectures(net=(0.9, 8), gru=(None, 8), wide=(1.0, 16))
    start = (comparisons["moment"] == "criterion") & (comparisons["quantity"] == "interference")
    second = (start & ~start.shift(fill_value=False)).cumsum() == 2
    comparisons = comparisons.assign(units=comparisons["units"].astype(float).mask(second))
    (table,) = comparison_tables(comparisons, IDLE)
    assert printed(table).startswith(f"interference by architecture, each with net (sgd); {IDLE}")
    assert without_comparison(interference, comparisons).empty


def test_matrices_that_are_not_compared_are_found():
    interference, curves = of_rules(["sgd", "adam"], condition="drive=0.1")
    other = of_rules(["ewc"], g=(1.5,), condition="drive=0.2")[0]
    comparisons = summaries(interference, curves)["comparisons"]
    alone = without_comparison(pd.concat([interference, other], ignore_index=True), comparisons)
    assert set(alone["rule"]) == {"ewc"} and len(alone) == len(other)
    assert without_comparison(interference, comparisons[:0]).equals(interference)


def test_a_rule_that_is_left_out_has_no_table_and_is_found():
    interference, curves = of_rules(["sgd", "adam"])
    interference["converged_first"] = interference["rule"] == "sgd"
    comparisons = summaries(interference, curves)["comparisons"]
    assert comparison_tables(comparisons, IDLE) == []
    assert len(without_comparison(interference, comparisons)) == len(interference)


def test_a_value_of_g_that_is_left_out_is_named_in_the_table():
    interference, curves = tables(along_g({0.5: 0.04, 1.0: 0.08, 2.0: 0.16}, {0.5: 0.9, 1.0: 0.5, 2.0: 0.2}))
    interference["converged_first"] = interference["g"] != 1.0
    comparisons = summaries(interference.assign(skill_lost=0.5), curves)["comparisons"]
    assert "Left out, since too few count: 1." in " ".join(" ".join(shown(comparisons)).split())
    assert without_comparison(interference, comparisons).empty
