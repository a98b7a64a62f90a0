"""Interference against g: the means, the interval and the networks that are left out."""

import numpy as np
import pandas as pd
import pytest

from rnnbench.figures import interference_against_g
from rnnbench.results.intervals import mean_interval


def line(axes, gid: str):
    (found,) = [line for line in axes.lines if line.get_gid() == gid]
    return found


@pytest.fixture
def two_g(tiny) -> pd.DataFrame:
    """Five seeds with pair means of 1 to 2 at g = 0.5; at g = 1.5 only seed 0 counts, with 0.1."""
    rows = [("a", "b", 0, 0.5), ("b", "a", 0, 1.5), ("a", "b", 1, 2.0), ("b", "a", 1, 2.0), ("a", "a", 0, 0.01)]
    rows += [("a", "b", 2, 1.5), ("b", "a", 2, 1.5), ("a", "b", 3, 1.25), ("b", "a", 3, 1.25)]
    rows += [("a", "b", 4, 1.75), ("b", "a", 4, 1.75)]
    later = [("a", "b", 0, 0.1, True, "done", 1.5), ("b", "a", 0, 50.0, False, "done", 1.5)]
    return tiny(*rows, *later)


def test_the_bold_line_and_the_interval_are_over_seeds(two_g):
    main, _ = interference_against_g(two_g).axes
    assert line(main, "mean").get_xdata().tolist() == [0.5, 1.5]
    assert line(main, "mean").get_ydata().tolist() == pytest.approx([1.5, 0.1])
    expected = mean_interval([1.0, 2.0, 1.5, 1.25, 1.75], np.random.default_rng(0))  # a single seed has no interval
    bars = [segment[:, 1].tolist() for segment in main.collections[-1].get_segments() if len(segment)]
    assert bars == [pytest.approx(expected)]


def test_thin_lines_are_first_tasks_and_the_dashed_line_the_diagonal(two_g):
    main, _ = interference_against_g(two_g).axes
    assert line(main, "task:a").get_ydata().tolist() == pytest.approx([1.4, 0.1])
    of_b = line(main, "task:b").get_ydata()
    assert of_b[0] == pytest.approx(1.6)
    assert np.isnan(of_b[1])  # the 50 of a network that never learnt b
    assert line(main, "control").get_ydata().tolist() == pytest.approx([0.01])


def test_the_strip_is_the_fraction_of_networks_that_learnt_a(two_g):
    _, strip = interference_against_g(two_g).axes
    assert line(strip, "convergence").get_ydata().tolist() == pytest.approx([1.0, 0.5])


def test_values_above_the_panel_are_written_as_numbers(tiny):
    table = tiny(("a", "b", 0, 0.5), ("b", "a", 0, 40.0))
    main, _ = interference_against_g(table).axes
    assert main.get_ylim()[1] == 3.0
    assert [text.get_text() for text in main.texts] == ["↑ 20.2", "↑ 40.0"]  # the mean of both, then b


def test_the_same_table_gives_the_same_figure(make_tables):
    table = make_tables((0.3, 1.2), seeds=5, n_points=2)[0]
    bands = [interference_against_g(table).axes[0].collections[0].get_paths()[0].vertices for _ in range(2)]
    assert np.array_equal(bands[0], bands[1])


@pytest.mark.parametrize("g_values", [(1.2,), (0.3, 0.9, 1.5, 2.1)])
@pytest.mark.parametrize("seeds", [1, 3])
def test_nothing_is_clipped(make_tables, clipped, texts, g_values, seeds):
    names = ("<b>", "$x_1$", "&", "a_very_long_task_name_that_goes_on_and_on_for_ever")
    figure = interference_against_g(make_tables(g_values, names, seeds=seeds, n_points=2)[0])
    assert clipped(figure) == []
    assert {"<b>", "$x 1$", "&"} <= set(texts(figure))


def test_groups_are_side_by_side_and_those_without_g_are_left_out(make_tables, texts, clipped):
    with_g = [make_tables((0.3, 1.2), ("a", "b"), units=units, n_points=2)[0] for units in (128, 256, 512)]
    without = make_tables((np.nan,), ("a", "b"), architecture="gru", n_points=2)[0]
    figure = interference_against_g(pd.concat([*with_g, without]))
    assert len(figure.axes) == 6
    assert not any("gru" in text for text in texts(figure))
    assert clipped(figure) == []


def test_many_tasks_fit_the_legend(make_tables, clipped):
    assert clipped(interference_against_g(make_tables((0.3, 1.2), [f"t{i}" for i in range(20)], n_points=2)[0])) == []


def test_nothing_converged_and_no_g_are_drawn_without_a_crash(tiny, texts):
    interference_against_g(tiny(("a", "b", 0, 1.0, False), ("b", "a", 0, np.nan)))
    interference_against_g(tiny(("a", "a", 0, 0.0)))
    without_g = tiny(("a", "b", 0, 1.0, True, "done", np.nan))
    assert texts(interference_against_g(without_g)) == ["no networks with g"]
    assert texts(interference_against_g(without_g.iloc[:0])) == ["no networks with g"]
