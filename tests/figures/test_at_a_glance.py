"""The summary: matrices at several values, and means and shares over the pairs and seeds that count at every value."""

import numpy as np
import pandas as pd
import pytest
from planted_curves import along_g, tables

from rnnbench.figures import interference_summary, summary
from rnnbench.results.comparisons import compared, comparison_table
from rnnbench.results.decomposition import decomposition_table

NO_CURVES = pd.DataFrame(columns=summary.CURVE_COLUMNS)


def draw(interference: pd.DataFrame, curves: pd.DataFrame = NO_CURVES, across: str = "g"):
    (one,) = [one for one in compared(interference, curves) if one.across == across]
    return interference_summary(one, interference, curves)


def titled(figure, text: str):
    (axes,) = [axes for axes in figure.axes if axes.get_title(loc="left") == text]
    return axes


def line(axes, gid: str) -> np.ndarray:
    (found,) = [line for line in axes.lines if line.get_gid() == gid]
    return np.asarray(found.get_ydata(), dtype=float)


def spans(axes, kind: str) -> list[list[float]]:
    found = [each for each in axes.collections if each.get_gid() == kind]
    return [segment[:, 1].tolist() for lines in found for segment in lines.get_segments()]


@pytest.fixture(scope="module")
def made(make_tables):
    return make_tables((0.3, 0.9, 1.5), "abcde", seeds=5, n_points=10, accidents=False)


@pytest.fixture(scope="module")
def figure(made):
    return draw(*made)


def test_the_means_are_those_of_the_comparisons_table(made, figure):
    table = comparison_table(list(compared(*made))).query("quantity == 'interference'")
    for moment, title in (("criterion", "at B's criterion"), ("updates", "at equal updates")):
        rows, axes = table[table["moment"] == moment], titled(figure, title)
        assert line(axes, "mean").tolist() == rows["mean"].tolist()
        assert line(axes, "median").tolist() == rows["median"].tolist()
        assert spans(axes, "over seeds") == [pytest.approx(ends) for ends in rows[["low", "high"]].to_numpy()]
        tasks = rows[["low_tasks", "high_tasks"]].to_numpy()
        assert spans(axes, "over tasks") == [pytest.approx(ends) for ends in tasks]
        assert sum(str(each.get_gid()).startswith("seed:") for each in axes.lines) == 5
        assert not any(str(each.get_gid()).startswith("task:") for each in axes.lines)


def test_the_shares_are_those_of_the_decomposition_table(made, figure):
    shares = decomposition_table(made[0]).query("quantity == 'interference'")
    titles = {"pair": "the pair", "A": "A, the first task", "B": "B, the second task", "seeds": "seeds"}
    for term, title in titles.items():
        rows, axes = shares[shares["term"] == term], titled(figure, title)
        assert line(axes, f"share:{term}").tolist() == rows["value"].tolist()
        assert spans(axes, "over seeds") == [pytest.approx(ends) for ends in rows[["low", "high"]].to_numpy()]


def test_the_matrices_hold_the_means_of_all_networks_that_count(made, figure):
    interference = made[0]
    values = titled(figure, "g = 0.9").collections[0].get_array()
    expected = interference[interference["g"] == 0.9].groupby(["first_task", "second_task"])["interference"].mean()
    assert np.asarray(values).ravel().tolist() == pytest.approx(expected.tolist())


def test_means_and_shares_are_over_the_pairs_and_seeds_that_count_at_every_value():
    interference, curves = tables(along_g({0.5: 0.05, 1.5: 0.1}, {0.5: 2.0, 1.5: 1.0}, spread=0.1))
    lost = (interference["first_task"] == "a") & (interference["g"] == 1.5)
    figure = draw(interference.assign(converged_first=~lost), curves)
    (numbers,) = [text.get_text() for text in titled(figure, "at B's criterion").texts if text.get_gid() == "numbers"]
    assert numbers == "16/20 pairs, 80/100 networks"
    used = interference[
        (interference["first_task"] != "a") & (interference["first_task"] != interference["second_task"])
    ]
    means = used.groupby("g")["interference"].mean().tolist()
    assert line(titled(figure, "at B's criterion"), "mean").tolist() == pytest.approx(means)
    shares = decomposition_table(used).query("quantity == 'interference' and term == 'seeds'")["value"].tolist()
    assert line(titled(figure, "seeds"), "share:seeds").tolist() == pytest.approx(shares)


def test_at_most_five_values_have_a_matrix(make_tables):
    g = tuple(np.round(np.arange(0.3, 2.5, 0.3), 1))
    figure = draw(*make_tables(g, "ab", seeds=1, n_points=3))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left").startswith("g = ")]
    assert titles == [f"g = {value:g}" for value in (0.3, 0.9, 1.5, 1.8, 2.4)]


@pytest.mark.parametrize(
    ("tasks", "seeds", "g_values"),
    [
        (("<b>", "$x_1$"), 1, (0.3, 1.2)),
        (("a", "b", "c", "a_very_long_task_name_that_goes_on_and_on"), 2, (0.3, 0.6, 0.9, 1.2, 1.5, 1.8)),
        (("fixed_points", "flip_flop", "mante", "romo", "cycling", "complex_sine"), 5, (0.3, 0.6, 1, 1.4, 1.8)),
        (tuple(f"task_{k}" for k in range(20)), 2, (0.3, 0.9, 1.5, 2.1)),
    ],
)
def test_no_text_is_clipped_or_drawn_over_another(make_tables, clipped, overlapping, texts, tasks, seeds, g_values):
    figure = draw(*make_tables(g_values, tasks, seeds=seeds, n_points=3))
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert any("idle outputs free" in text for text in texts(figure))


def test_without_shares_the_panels_of_interference_are_wide(make_tables, figure):
    few = draw(*make_tables((0.3, 1.2), "ab", seeds=1, n_points=3, accidents=False))
    wide, narrow = (titled(each, "at B's criterion").get_position().width for each in (few, figure))
    assert wide > 1.5 * narrow
    assert not [axes for axes in few.axes if axes.get_title(loc="left") == "the pair"]


def test_there_is_no_summary_of_one_pair_or_of_one_value(make_tables, tiny):
    one_pair = [("a", "b", seed, 1.0, True, "done", g) for seed in (0, 1) for g in (0.5, 1.5)]
    assert draw(tiny(*one_pair)) is None
    rows = [(*pair, 0, 1.0, g == 0.5, "done", g) for pair in (("a", "b"), ("b", "a")) for g in (0.5, 1.5)]
    assert draw(tiny(*rows)) is None


def test_a_parameter_of_the_conditions_has_the_same_figure(make_tables):
    made = [make_tables((0.3,), ("a", "b"), n_points=4) for _ in range(2)]
    interference, curves = (
        pd.concat([table.assign(condition=f"drive={drive}") for table, drive in zip(tables, (0.0, 0.5), strict=True)])
        for tables in zip(*made, strict=True)
    )
    interference["drive"] = interference["condition"].str.removeprefix("drive=").astype(float)
    figure = draw(interference, curves, "drive")
    assert titled(figure, "drive = 0") and titled(figure, "drive = 0.5")
