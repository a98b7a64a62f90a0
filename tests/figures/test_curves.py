"""The curves: what they show and which networks are left out."""

import numpy as np
import pandas as pd
import pytest

from rnnbench.figures import curves_of_pairs


def lines(axes, gid: str) -> list:
    return [line for line in axes.lines if line.get_gid() == gid]


def a_then_b(seed: int, update: list[int], loss_first: list[float], g: float = 0.5) -> pd.DataFrame:
    key = {"architecture": "rate", "rule": "sgd", "g": g, "units": 8, "first_task": "a", "second_task": "b"}
    return pd.DataFrame(key | {"seed": seed, "update": update, "loss_first": loss_first, "loss_second": 1.0})


def test_the_bold_line_is_the_mean_including_networks_that_stopped(tiny):
    interference = tiny(("a", "b", 0, 0.5), ("a", "b", 1, 1.5), ("a", "b", 2, 30.0, False))
    curves = pd.concat(
        [
            a_then_b(0, [0, 10], [0.0, 0.5]),
            a_then_b(1, [0, 10, 40], [0.0, 1.0, 1.5]),
            a_then_b(2, [0, 10, 40], [0.0, 9.0, 30.0]),
        ]
    )
    axes = curves_of_pairs(curves, interference).axes[1]  # the panels run by rows: (a, a), (a, b), ...
    (mean,) = lines(axes, "mean:0.5")
    assert mean.get_xdata().tolist() == [0, 10, 40]
    assert mean.get_ydata().tolist() == pytest.approx([0.0, 0.75, 1.0])
    assert len(lines(axes, "network")) == 2
    assert [text.get_text() for text in axes.texts] == ["2/3"]


def test_a_panel_where_nothing_was_learnt_says_so(tiny, texts):
    interference = tiny(("a", "b", 0, 0.5, False), ("a", "b", 1, 1.5, False))
    curves = pd.concat([a_then_b(seed, [0, 10], [0.2, 0.5]) for seed in (0, 1)])
    axes = curves_of_pairs(curves, interference).axes[1]
    assert [text.get_text() for text in axes.texts] == ["not converged\n0/2"]
    assert not lines(axes, "network")


def test_the_axis_holds_every_curve(make_tables):
    interference, curves = make_tables((0.3,), "abcd", n_points=12)
    figure = curves_of_pairs(curves, interference)
    drawn = [y for axes in figure.axes for line in axes.lines if line.get_gid() for y in line.get_ydata()]
    low, high = figure.axes[2 * 4 + 0].get_ylim()  # the panel of the extreme network
    assert max(drawn) > 25
    assert low < min(drawn) and max(drawn) < high


def test_the_caption_names_the_idle_outputs(make_tables, texts):
    interference, curves = make_tables((0.3,), ("a", "b"), n_points=3)
    assert any("idle outputs free" in text for text in texts(curves_of_pairs(curves, interference)))


def test_one_colour_and_legend_entry_for_each_g(make_tables, texts):
    interference, curves = make_tables((0.3, 1.2, 2.1), ("a", "b"), n_points=5)
    figure = curves_of_pairs(curves, interference)
    colours = [lines(figure.axes[1], f"mean:{g:g}")[0].get_color() for g in (0.3, 1.2, 2.1)]
    assert len(set(colours)) == 3
    assert {"g = 0.3", "g = 1.2", "g = 2.1"} <= set(texts(figure))


def test_the_second_task_is_drawn_relative_to_its_start_but_not_on_the_diagonal(make_tables):
    interference, curves = make_tables((1.2,), ("a", "b"), n_points=5)
    diagonal, off, *_ = curves_of_pairs(curves, interference).axes
    assert not lines(diagonal, "second")
    assert lines(off, "second")[0].get_ydata()[0] == pytest.approx(1.0)


def test_the_caption_explains_how_the_mean_treats_networks_that_stopped(make_tables, texts):
    interference, curves = make_tables((1.2,), ("a", "b"), n_points=3)
    assert any(
        "keeps its last value" in text.replace("\n", " ") for text in texts(curves_of_pairs(curves, interference))
    )


def test_the_dashed_line_is_the_mean_over_the_networks_of_all_g_and_says_so(tiny, texts):
    rows = [("a", "b", seed, 0.5, True, "done", g) for seed, g in ((0, 0.5), (0, 1.5), (1, 1.5))]
    curves = [
        a_then_b(seed, [0, 10], [0.1, 0.5], g).assign(loss_second=[1.0, last])
        for (_, _, seed, _, _, _, g), last in zip(rows, (0.0, 0.3, 0.6), strict=True)
    ]
    figure = curves_of_pairs(pd.concat(curves), tiny(*rows))
    (dashed,) = lines(figure.axes[1], "second")
    assert dashed.get_ydata().tolist() == pytest.approx([1.0, 0.3])
    words = " ".join(texts(figure)).replace("\n", " ")
    assert "loss on B, mean over all g" in texts(figure)
    assert "loss on B / its first value, mean over the networks of all g together" in words
    assert "loss on B, mean" in texts(curves_of_pairs(curves[0], tiny(rows[0])))


@pytest.mark.parametrize("with_interference", [True, False])
@pytest.mark.parametrize("g_values", [(np.nan,), (1.2,), tuple(np.arange(0.3, 2.5, 0.3))])
def test_nothing_is_clipped(make_tables, clipped, overlapping, texts, with_interference, g_values):
    names = ("<b>", "$x_1$", "a_very_long_task_name_that_goes_on_and_on_for_ever")
    interference, curves = make_tables(g_values, names, architecture="$a_1$", seeds=1, n_points=4)
    figure = curves_of_pairs(curves, interference if with_interference else None)
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert {"<b>", "$x 1$", "$a 1$ · sgd · N = 256"} <= set(texts(figure))


def test_a_single_point_and_an_empty_table_are_drawn(tiny, texts):
    point = a_then_b(0, [0], [0.1])
    curves_of_pairs(point, tiny(("a", "b", 0, 0.0)))
    assert texts(curves_of_pairs(point.iloc[:0])) == ["no curves"]


def test_several_groups_in_one_table_are_refused(make_tables):
    curves = pd.concat([make_tables((1.2,), ("a", "b"), units=units, n_points=2)[1] for units in (8, 16)])
    with pytest.raises(ValueError, match="one architecture, rule and units"):
        curves_of_pairs(curves)
