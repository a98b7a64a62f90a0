"""What each entry of the interference matrix shows."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from rnnbench.figures import interference_matrix


def written(axes, row: int, column: int) -> str:
    return "\n".join(text.get_text() for text in axes.findobj(Text) if text.get_gid() == f"cell:{row}:{column}")


def marks(axes) -> list[str]:
    return sorted(patch.get_gid() for patch in axes.patches if patch.get_gid())


@pytest.fixture
def small(tiny) -> pd.DataFrame:
    return tiny(
        ("a", "a", 0, 0.01),
        ("a", "a", 1, -0.03),
        ("a", "b", 0, 0.5),
        ("a", "b", 1, 1.5),
        ("a", "b", 2, 99.0, False),
        ("b", "a", 0, 3.0, False),
        ("b", "a", 1, 3.0, False),
        ("b", "b", 0, 30.0),
        ("b", "c", 0, np.nan),
    )


def test_entries_show_mean_spread_and_number_of_counted_networks(small):
    axes = interference_matrix(small).axes[0]
    assert written(axes, 0, 0) == "−0.01\n± 0.03"  # sd of 0.01, -0.03: 0.0283
    assert written(axes, 0, 1) == "1.00\n± 0.71\n2/3"  # 99 of the network that never learnt A is left out
    assert written(axes, 1, 0) == "not\nconverged\n0/2"
    assert written(axes, 1, 1) == "30.0"  # one network has no spread
    assert written(axes, 1, 2) == "not\nfinite\n0/1"


def test_left_out_networks_and_the_diagonal_are_marked(small):
    axes = interference_matrix(small).axes[0]
    assert marks(axes) == ["corner:0:1", "diagonal", "diagonal", "diagonal", "none:1:0", "none:1:2"]


def test_the_colour_is_the_mean_clipped_at_the_ends_of_the_scale(small):
    mesh = interference_matrix(small).axes[0].collections[0]
    values = np.ma.filled(mesh.get_array(), np.nan).reshape(3, 3)
    assert values[0, 1] == pytest.approx(1.0)
    assert values[1, 1] == 30.0
    assert np.isnan(values[1, 0])
    assert mesh.get_clim() == (-0.5, 4.0)


def test_the_colour_bar_extends_only_where_values_lie_beyond(small, tiny, texts):
    assert "≥ 4" in texts(interference_matrix(small))
    below_four = texts(interference_matrix(tiny(("a", "b", 0, 0.3), ("b", "a", 0, 1.2))))
    assert "2" in below_four
    assert "≥ 4" not in below_four


def test_one_panel_for_each_g_and_group(make_tables, texts):
    tables = [make_tables(units=units, tasks=("a", "b"), seeds=2, n_points=2)[0] for units in (128, 256)]
    figure = interference_matrix(pd.concat(tables))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == [f"N = {units} · g = {g:g}" for units in (128, 256) for g in (0.3, 0.9, 1.5, 2.1)]
    assert "rate tanh · sgd" in texts(figure)


def test_architectures_without_g_are_side_by_side(make_tables):
    tables = [make_tables((np.nan,), ("a", "b"), architecture=name, n_points=2)[0] for name in ("gru", "lstm")]
    first, second, _ = interference_matrix(pd.concat(tables)).axes
    assert [first.get_title(loc="left"), second.get_title(loc="left")] == ["gru", "lstm"]
    assert first.get_position().y0 == second.get_position().y0


def test_titles_of_many_kinds_of_networks_do_not_overlap_with_two_tasks(make_tables, clipped, overlapping):
    kinds = [
        (name, rule) for name in ("vanilla_rnn", "a_long_architecture_name") for rule in ("sgd", "gradient descent")
    ]
    tables = [make_tables((0.9,), ("a", "b"), architecture=name, rule=rule, n_points=2)[0] for name, rule in kinds]
    figure = interference_matrix(pd.concat([*tables, tables[0].assign(units=64)]))
    assert clipped(figure) == []
    assert overlapping(figure) == []


def test_the_caption_names_the_idle_outputs_and_what_the_spread_is(small, texts):
    (caption,) = [text for text in texts(interference_matrix(small)) if "idle outputs" in text]
    assert caption.startswith("idle outputs free; mean ± standard deviation")


def test_markup_in_names_is_drawn_literally(make_tables, texts, clipped):
    names = ("<b>", "$x_1$", "&", "a_very_long_task_name_that_goes_on_and_on_for_ever", "x" * 60)
    figure = interference_matrix(make_tables((0.9,), names, architecture="$g^2$", n_points=2)[0])
    drawn = texts(figure)
    assert {"<b>", "$x 1$", "&"} <= set(drawn)
    assert "$g^2$ · sgd · N = 256" in drawn
    assert clipped(figure) == []


@pytest.mark.parametrize(("n_tasks", "g_values"), [(1, (0.5,)), (2, (0.3, 0.9, 1.5)), (6, (0.3, 0.9)), (9, (0.3,))])
def test_every_text_fits_its_entry_and_the_page(make_tables, clipped, n_tasks, g_values):
    figure = interference_matrix(make_tables(g_values, [f"task_{i}" for i in range(n_tasks)], n_points=2)[0])
    assert clipped(figure) == []
    for axes in figure.axes[: len(g_values)]:
        for text in axes.findobj(Text):
            if text.get_gid():
                row, column = map(int, text.get_gid().split(":")[1:])
                box = text.get_window_extent().transformed(axes.transData.inverted())
                assert column - 0.02 <= box.x0 <= box.x1 <= column + 1.02, text.get_text()
                assert row - 0.02 <= min(box.y0, box.y1) <= max(box.y0, box.y1) <= row + 1.02, text.get_text()


def test_twenty_tasks_keep_the_mean_and_the_marks(make_tables, clipped):
    table = make_tables((0.3,), [f"task_{i}" for i in range(20)], n_points=2)[0]
    figure = interference_matrix(table)
    assert "\n" not in written(figure.axes[0], 0, 1)
    assert "corner:1:0" in marks(figure.axes[0])
    assert "none:19:0" in marks(figure.axes[0])
    assert clipped(figure) == []


def test_an_empty_table_says_so(small, texts):
    assert texts(interference_matrix(small.iloc[:0])) == ["no networks, so no interference matrix"]


def test_a_table_without_one_of_its_columns_is_refused(small):
    with pytest.raises(ValueError, match="lacks seed"):
        interference_matrix(small.drop(columns="seed"))
