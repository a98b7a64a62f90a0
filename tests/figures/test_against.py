"""Figures against g and other numbers: the same networks at every value, and the numbers of comparisons.csv."""

import numpy as np
import pandas as pd
import pytest

from rnnbench.figures import interference_against, style, summary
from rnnbench.results.comparisons import MOMENTS, compared, comparison_table, trend_table

NO_CURVES = pd.DataFrame(columns=summary.CURVE_COLUMNS)


def draw(interference: pd.DataFrame, curves: pd.DataFrame = NO_CURVES, across: str = "g"):
    found = [one for one in compared(interference, curves) if one.across == across]
    return interference_against(found, interference, curves)


def line(axes, gid: str):
    (found,) = [line for line in axes.lines if line.get_gid() == gid]
    return found


def intervals(axes, kind: str) -> list[list[float]]:
    """The ends of the intervals of a kind, "over seeds" or "over tasks"."""
    found = [each for each in axes.collections if each.get_gid() == kind]
    return [segment[:, 1].tolist() for lines in found for segment in lines.get_segments()]


@pytest.fixture
def three_g(tiny) -> pd.DataFrame:
    """Pairs (a, b) and (b, a) with two seeds; at g = 1.0 seed 1 did not learn b, at g = 2.0 hardly any learnt."""
    rows = [("a", "b", 0, 0.5), ("b", "a", 0, 1.5), ("a", "b", 1, 2.0), ("b", "a", 1, 9.0)]
    rows += [("a", "b", 0, 0.1, True, "done", 1.0), ("b", "a", 0, 0.3, True, "done", 1.0)]
    rows += [("a", "b", 1, 0.2, True, "done", 1.0), ("b", "a", 1, 50.0, False, "done", 1.0)]
    rows += [("a", "b", 0, 7.0, True, "done", 2.0), ("b", "a", 0, 7.0, False, "done", 2.0)]
    rows += [("a", "b", 1, 7.0, False, "done", 2.0), ("b", "a", 1, 7.0, False, "done", 2.0)]
    return tiny(*rows, ("a", "a", 0, 0.01), ("a", "a", 0, 0.02, True, "done", 1.0))


def test_every_mean_is_that_of_the_comparisons_table(make_tables):
    interference, curves = make_tables((0.3, 0.9, 1.5), "abcdef", seeds=5, n_points=10)
    (found,) = compared(interference, curves)
    table = comparison_table([found])
    assert np.isfinite(table["low_tasks"].astype(float)).any()
    axes = interference_against([found], interference, curves).axes
    for index, moment in enumerate(MOMENTS):
        for panel, quantity in zip(axes[3 * index :], ("interference", "skill_lost"), strict=False):
            rows = table[(table["moment"] == moment) & (table["quantity"] == quantity)]
            for name in ("mean", "median"):
                drawn = line(panel, name).get_ydata()
                assert drawn[np.isfinite(drawn)].tolist() == rows[name].tolist()
            for kind, ends in (("over seeds", ["low", "high"]), ("over tasks", ["low_tasks", "high_tasks"])):
                assert intervals(panel, kind) == [pytest.approx(each) for each in rows[ends].to_numpy()]


def test_the_change_along_all_values_is_that_of_the_trends_table(make_tables):
    interference, curves = make_tables((0.3, 0.9, 1.5), "abcde", seeds=5, n_points=4, accidents=False)
    (found,) = compared(interference, curves)
    rows = trend_table([found]).query("quantity == 'interference'").to_dict("records")
    axes = interference_against([found], interference, curves).axes
    texts = [text.get_text() for panel in axes for text in panel.texts if text.get_gid() == "change"]
    for row, text in zip(rows, texts, strict=True):
        ends = [style.number(row[name]) for name in ("low", "high", "low_tasks", "high_tasks")]
        lines = [f"over seeds {ends[0]} to {ends[1]}", f"over tasks {ends[2]} to {ends[3]}"]
        assert text.split("\n") == [f"change {style.number(row['change'])}", *lines]


def test_an_interval_over_tasks_is_drawn_and_explained_from_five_tasks_on(make_tables, texts):
    for tasks, is_known in (("abcd", False), ("abcde", True)):
        figure = draw(*make_tables((0.3, 0.9), tasks, seeds=2, n_points=3, accidents=False))
        assert bool(intervals(figure.axes[0], "over tasks")) == is_known
        assert ("95 % interval over tasks" in texts(figure)) == is_known
        assert not intervals(figure.axes[0], "over seeds") and "95 % interval over seeds" not in texts(figure)
        low, high = figure.axes[0].get_ylim()
        assert all(low < a < b < high for a, b in intervals(figure.axes[0], "over tasks"))


def test_means_and_tasks_are_over_the_pairs_and_seeds_that_count_at_every_g(three_g, texts):
    figure = draw(three_g)
    panel = figure.axes[0]
    # Pair (b, a) of seed 1 is left out at both g, and all of g = 2.
    assert line(panel, "mean").get_ydata()[:2].tolist() == pytest.approx([(0.5 + 1.5 + 2.0) / 3, 0.2])
    assert np.isnan(line(panel, "mean").get_ydata()[2])
    assert line(panel, "task:b").get_ydata()[:2].tolist() == pytest.approx([1.5, 0.3])
    assert line(panel, "seed:1").get_ydata()[:2].tolist() == pytest.approx([2.0, 0.2])
    assert line(panel, "control").get_ydata()[:2].tolist() == pytest.approx([0.01, 0.02])
    assert "2/2 pairs, 3/4 networks" in texts(figure)


def test_values_at_which_few_networks_count_are_marked_and_named(three_g, texts):
    figure = draw(three_g)
    assert line(figure.axes[0], "left out").get_xdata().tolist() == [2.0]
    assert any("2 left out" in text.replace("\n", " ") for text in texts(figure))


def test_the_strip_is_the_fraction_of_networks_that_are_used(three_g):
    assert line(draw(three_g).axes[2], "used").get_ydata().tolist() == pytest.approx([1.0, 0.75, 0.25])


def test_the_axis_holds_every_value(tiny):
    rows = [
        (*pair, 0, value, True, "done", g) for pair, value in ((("a", "b"), 0.5), (("b", "a"), 40.0)) for g in (1, 2)
    ]
    panel = draw(tiny(*rows)).axes[0]
    low, high = panel.get_ylim()
    drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in panel.lines if line.get_gid()])
    assert low < np.nanmin(drawn) and np.nanmax(drawn) == 40 < high
    assert line(panel, "mean").get_ydata().tolist() == [20.25, 20.25]


def test_seeds_are_dots_and_intervals_need_five_of_them(make_tables, texts):
    few, many = (draw(*make_tables((0.3, 1.2), ("a", "b"), seeds=seeds, n_points=4)) for seeds in (2, 5))
    assert any("No 95 % intervals" in text.replace("\n", " ") for text in texts(few))
    assert "95 % interval over seeds" in texts(many) and "95 % interval over seeds" not in texts(few)
    for figure, seeds in ((few, 2), (many, 5)):
        assert sum(str(line.get_gid()).startswith("seed:") for line in figure.axes[0].lines) == seeds


def test_a_parameter_of_the_conditions_has_the_same_figure(make_tables, texts):
    made = [make_tables((0.3,), ("a", "b"), n_points=4) for _ in range(2)]
    interference, curves = (
        pd.concat([table.assign(condition=f"drive={drive}") for table, drive in zip(tables, (0.0, 0.5), strict=True)])
        for tables in zip(*made, strict=True)
    )
    interference["drive"] = interference["condition"].str.removeprefix("drive=").astype(float)
    figure = draw(interference, curves, "drive")
    assert figure.axes[2].get_xlabel() == "drive"
    assert "interference against drive · rate tanh · sgd · N = 256 · g = 0.3" in texts(figure)


def test_the_caption_names_the_idle_outputs(make_tables, texts):
    interference, curves = make_tables((0.3, 1.2), ("a", "b"), n_points=4)
    assert any("idle outputs free" in text for text in texts(draw(interference, curves)))
    trained = interference.assign(idle_outputs="zero")
    assert any("idle outputs trained to zero" in text for text in texts(draw(trained, curves)))


def test_the_same_table_gives_the_same_figure(make_tables):
    tables = make_tables((0.3, 1.2), seeds=5, n_points=2)
    bands = [draw(*tables).axes[0].collections[0].get_paths()[0].vertices for _ in range(2)]
    assert np.array_equal(bands[0], bands[1], equal_nan=True)


@pytest.mark.parametrize("g_values", [(0.3, 1.2), tuple(np.arange(0.1, 3, 0.3)), (0, 0.01, 0.1, 1.0, 30)])
@pytest.mark.parametrize("seeds", [1, 5])
def test_nothing_is_clipped_or_drawn_over_another_text(make_tables, clipped, overlapping, texts, g_values, seeds):
    names = ("<b>", "$x_1$", "&", "a_very_long_task_name_that_goes_on_and_on_for_ever")
    figure = draw(*make_tables(g_values, names, seeds=seeds, n_points=3))
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert {"<b>", "$x 1$", "&"} <= set(texts(figure))


def test_settings_are_below_each_other(make_tables, clipped, overlapping):
    made = [make_tables((0.3, 1.2), ("a", "b"), units=units, n_points=3) for units in (128, 256, 512)]
    interference, curves = (pd.concat(tables) for tables in zip(*made, strict=True))
    figure = draw(interference, curves)
    assert len(figure.axes) == 3 * 12
    assert clipped(figure) == [] and overlapping(figure) == []


def test_many_tasks_fit_the_legend(make_tables, clipped, overlapping):
    figure = draw(*make_tables((0.3, 1.2), [f"t{i}" for i in range(20)], seeds=3, n_points=2))
    assert any("/380 pairs,\n" in text.get_text() for text in figure.axes[0].texts)
    assert clipped(figure) == [] and overlapping(figure) == []


def test_nothing_learnt_anywhere_is_drawn_without_a_crash(tiny, texts):
    figure = draw(tiny(("a", "b", 0, 1.0, False), ("a", "b", 0, np.nan, False, "done", 1.5)))
    assert "no network" in texts(figure)
