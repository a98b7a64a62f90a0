"""The overview: one row for each kind of network, with means over the pairs and seeds that count in every row."""

import numpy as np
import pandas as pd
import pytest
from planted_curves import network, of_kinds, tables

from rnnbench.figures import interference_overview
from rnnbench.results.intervals import mean_interval


def drawn(figure, moment: int, gid: str = "mean") -> list[float]:
    """The values of the marks in a panel; 0 is B's criterion, 1 equal updates."""
    lines = [line for line in figure.axes[moment].lines if line.get_gid() == gid]
    return [float(value) for line in lines for value in line.get_xdata()]


def of_gid(figure, gid: str) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_gid() == gid]


def test_means_are_over_the_pairs_and_seeds_that_count_in_every_row(tiny):
    rows = [("a", "b", 0, 0.5), ("b", "a", 0, 1.5), ("a", "b", 1, 2.0), ("b", "a", 1, 9.0), ("a", "a", 0, 0.1)]
    other = [("a", "b", 0, 0.1), ("b", "a", 0, 0.3), ("a", "b", 1, 0.2), ("b", "a", 1, 50.0, False), ("a", "a", 0, 0.2)]
    figure = interference_overview(pd.concat([tiny(*rows), tiny(*other).assign(architecture="gru", g=np.nan)]))
    assert drawn(figure, 0) == pytest.approx([(0.5 + 1.5 + 2.0) / 3, 0.2])
    assert drawn(figure, 0, "median") == pytest.approx([1.5, 0.2])
    assert drawn(figure, 0, "seed:1") == pytest.approx([2.0, 0.2])
    assert drawn(figure, 0, "task:b") == pytest.approx([1.5, 0.3])
    assert drawn(figure, 0, "control") == pytest.approx([0.1, 0.2])
    assert of_gid(figure, "numbers")[0] == "2/2 pairs, 3/4 networks"
    assert of_gid(figure, "counted") == ["4/4", "3/4"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["rate · g = 0.5", "gru"]


def test_at_equal_updates_the_rows_have_the_smallest_number_of_updates_of_both():
    # Loss on A rises in proportion to updates; the quick network needs 20 of them, the slow one 80.
    quick = [network(0.9, "a", "b", seed, 0.2, 1.0, rule="quick") for seed in range(2)]
    slow = [network(0.9, "a", "b", seed, 0.05, 2.0, rule="slow") for seed in range(2)]
    interference, curves = tables([*quick, *slow])
    figure = interference_overview(interference, curves)
    assert drawn(figure, 0) == pytest.approx([1.0, 2.0])
    assert drawn(figure, 1) == pytest.approx([1.0, 0.5])
    assert of_gid(figure, "numbers") == ["1/1 pairs, 2/2 networks"] * 2
    assert of_gid(figure, "none") == []


def test_without_curves_nothing_is_drawn_at_equal_updates(tiny):
    figure = interference_overview(pd.concat([tiny(("a", "b", 0, 0.5)).assign(rule=rule) for rule in ("x", "y")]))
    assert drawn(figure, 0) == [0.5, 0.5] and not np.isfinite(drawn(figure, 1)).any()
    assert of_gid(figure, "none") == ["no curves are stored,\nso nothing is known here"]


def test_no_mean_is_drawn_if_no_pair_and_seed_counts_in_every_row():
    one = [network(0.9, "a", "b", 0, 0.2, 1.0), network(0.9, "b", "a", 0, 0.2, 1.0, converged_first=False)]
    other = [
        network(0.9, "a", "b", 0, 0.2, 1.0, rule="other", converged_first=False),
        network(0.9, "b", "a", 0, 0.2, 1.0, rule="other"),
    ]
    figure = interference_overview(*tables([*one, *other]))
    assert not np.isfinite([*drawn(figure, 0), *drawn(figure, 1)]).any()
    assert of_gid(figure, "none") == ["no pair and seed counts\nin every row, so there is no mean"] * 2
    assert of_gid(figure, "numbers") == ["0/2 pairs, 0/2 networks"] * 2
    assert of_gid(figure, "counted") == ["1/2", "1/2"]


def test_a_row_with_few_networks_that_count_is_left_out_and_marked(texts):
    good = of_kinds(("net",), ("x", "y"), tasks="ab")
    bad = [network(0.9, a, b, 0, 0.2, 1.0, rule="bad", converged_first=False) for a in "ab" for b in "ab" if a != b]
    interference, curves = tables([*good, *bad])
    figure = interference_overview(interference, curves)
    assert np.isfinite(drawn(figure, 0)).tolist() == [True, True, False]
    assert of_gid(figure, "left out") == ["× left out"] * 2
    assert any("fewer than half of the networks count" in text.replace("\n", " ") for text in texts(figure))


def test_intervals_are_over_seeds_and_over_tasks_where_there_are_five(texts):
    for tasks, seeds in (("ab", 5), ("abcde", 2)):
        interference, curves = tables(of_kinds(("net",), ("x", "y"), tasks=tasks, seeds=range(seeds)))
        figure = interference_overview(interference, curves)
        kinds = {each.get_gid() for each in figure.axes[0].collections}
        assert kinds == {"over seeds" if seeds == 5 else "over tasks"}
        assert {text for text in texts(figure) if text.startswith("95 % interval ")} == {
            f"95 % interval {kind}" for kind in kinds
        }


def test_an_interval_over_seeds_is_that_of_the_means_of_seeds():
    interference, curves = tables(of_kinds(("net",), ("x", "y"), tasks="ab", seeds=range(5)))
    figure = interference_overview(interference, curves)
    (lines,) = [lines for lines in figure.axes[0].collections if lines.get_gid() == "over seeds"]
    pairs = interference[(interference["rule"] == "x") & (interference["first_task"] != interference["second_task"])]
    seeds = pairs.groupby("seed")["interference"].mean()
    low, high = mean_interval(seeds)
    assert lines.get_segments()[0][:, 0] == pytest.approx([low, high])


def test_the_axis_holds_every_value_and_the_caption_names_the_idle_outputs(tiny, texts):
    figure = interference_overview(
        pd.concat(
            tiny(("a", "b", 0, value), ("b", "a", 0, 1.0)).assign(rule=rule)
            for value, rule in ((0.5, "sgd"), (40.0, "odd"))
        )
    )
    low, high = figure.axes[0].get_xlim()
    assert drawn(figure, 0) == pytest.approx([0.75, 20.5])
    assert low < 0 and high > 40
    assert any("idle outputs free" in text for text in texts(figure))


@pytest.mark.parametrize("seeds", [1, 5])
def test_long_and_odd_names_are_not_cut(make_tables, clipped, overlapping, texts, seeds):
    names = ("<b>", "$x_1$", "a_very_long_task_name_that_goes_on_and_on_for_ever", *"cdefghijklmn")
    made = [
        make_tables((0.3,), names, architecture=name, rule=rule, seeds=seeds, n_points=2, accidents=seeds > 1)
        for name in ("a_long_architecture_name", "$y_1$")
        for rule in ("a_rule_with_a_name_of_some_words", "b")
    ]
    figure = interference_overview(*map(pd.concat, zip(*made, strict=True)))
    assert clipped(figure) == [] and overlapping(figure) == []
    assert {"<b>", "$x 1$", "$y 1$ · b"} <= set(texts(figure))


def test_histories_without_an_earlier_task_have_a_title():
    networks = [network(0.9, "a", "b", 0, 0.2, 1.0, earlier_tasks=earlier) for earlier in ("", "c")]
    figure = interference_overview(*tables(networks))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["no earlier task", "after c"]


def test_a_table_with_only_drift_controls_gives_a_message(tiny, texts):
    assert texts(interference_overview(tiny(("a", "a", 0, 0.0)))) == ["no pairs of different tasks"]
