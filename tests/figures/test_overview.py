"""The overview: one row for each kind of network, with its mean over seeds."""

import numpy as np
import pandas as pd
import pytest

from rnnbench.figures import interference_overview
from rnnbench.results.intervals import mean_interval


def means(figure) -> list[float]:
    return [float(line.get_xdata()[0]) for line in figure.axes[0].lines if line.get_gid() == "mean"]


def test_each_kind_has_its_mean_and_interval_over_seeds(tiny):
    # Five seeds have pair means of 1 to 2. Of the other kind only one network learnt A, with 0.1.
    rows = [("a", "b", 0, 0.5), ("b", "a", 0, 1.5), ("a", "b", 1, 2.0), ("b", "a", 1, 2.0), ("a", "a", 0, 9.0)]
    rows += [("a", "b", 2, 1.5), ("a", "b", 3, 1.25), ("a", "b", 4, 1.75)]
    other = tiny(("a", "b", 0, 0.1), ("b", "a", 0, 50.0, False)).assign(architecture="gru", g=np.nan)
    figure = interference_overview(pd.concat([tiny(*rows), other]))
    assert means(figure) == pytest.approx([1.5, 0.1])
    bars = [c.get_segments()[0][:, 0].tolist() for c in figure.axes[0].collections if c.get_segments()[0].size]
    expected = mean_interval([1.0, 2.0, 1.5, 1.25, 1.75], np.random.default_rng(0))
    assert bars == [pytest.approx(expected)]  # one seed has no interval
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["rate · g = 0.5", "gru"]


def test_the_axis_holds_every_value_and_the_row_says_how_many_networks_count(tiny, texts):
    tables = [
        tiny(("a", "b", 0, value), ("b", "a", 0, 1.0, rule == "sgd")).assign(rule=rule)
        for value, rule in ((0.5, "sgd"), (40.0, "odd"))
    ]
    figure = interference_overview(pd.concat(tables))
    low, high = figure.axes[0].get_xlim()
    assert means(figure) == pytest.approx([0.75, 40.0])
    assert low < 0 and high > 40
    assert [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "counted"] == ["2/2", "1/2"]
    assert any("idle outputs free" in text for text in texts(figure))


def test_long_and_odd_names_are_not_cut(make_tables, clipped, overlapping, texts):
    names = ("<b>", "$x_1$", "a_very_long_task_name_that_goes_on_and_on_for_ever")
    tables = [
        make_tables((0.3,), names, architecture=name, n_points=2)[0]
        for name in ("a_long_architecture_name", "$y_1$", "b")
    ]
    figure = interference_overview(pd.concat(tables))
    assert clipped(figure) == [] and overlapping(figure) == []
    assert {"<b>", "$x 1$", "$y 1$"} <= set(texts(figure))


def test_a_table_with_only_drift_controls_gives_a_message(tiny, texts):
    assert texts(interference_overview(tiny(("a", "a", 0, 0.0)))) == ["no pairs of different tasks"]
